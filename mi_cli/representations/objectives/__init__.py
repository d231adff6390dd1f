"""What encoders are trained to do: objectives by name, one a module."""
