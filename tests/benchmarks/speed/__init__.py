"""Speed of stacks beside plain loops; a package, because worker processes import any other main module again."""
