from .column_encoder import (
    ClassColumn as ClassColumn,
    ColumnEncoder as ColumnEncoder,
    NumberColumn as NumberColumn,
    TableRows as TableRows,
)
from .networks import (
    EncoderNet as EncoderNet,
    ModuleEncoder as ModuleEncoder,
    PerceptronEncoder as PerceptronEncoder,
    encoder_net as encoder_net,
)
from .parameters import Parameters as Parameters
from .parameters import checked_parameters as checked_parameters
from .parameters import chosen_objective as chosen_objective
from .parameters import refuse_absent as refuse_absent
from .projection import Projection as Projection
from .shape import (
    MLP as MLP,
    EncoderShape as EncoderShape,
    Sizes as Sizes,
)
from .step import Step as Step
from .training import (
    EncodingTask as EncodingTask,
    TrainedEncoder as TrainedEncoder,
    fit_encoders as fit_encoders,
)
from .transformer import InfoMaxEncoder as InfoMaxEncoder
from .unseen_classes import UnseenClasses as UnseenClasses
from .views import (
    Draws as Draws,
    corrupted as corrupted,
    noisy as noisy,
    subset_pair as subset_pair,
)
from .kept import (
    ENCODER_FOLDER as ENCODER_FOLDER,
    EncoderFile as EncoderFile,
    KeptEncoder as KeptEncoder,
    encoder_files as encoder_files,
    load_encoder as load_encoder,
    save_encoder as save_encoder,
)
