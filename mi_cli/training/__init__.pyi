from .batches import (
    Batches as Batches,
    make_batches as make_batches,
    stacked as stacked,
)
from .checkpoints import (
    Arrays as Arrays,
    Checkpoints as Checkpoints,
    Generators as Generators,
    Stateful as Stateful,
)
from .chunks import chunks as chunks
from .context import (
    Clock as Clock,
    Context as Context,
    Stop as Stop,
    Stopped as Stopped,
    TooLong as TooLong,
)
from .critic_fit import (
    CriticEstimator as CriticEstimator,
    CriticStack as CriticStack,
    estimate_from_scores as estimate_from_scores,
    fit_critics as fit_critics,
    held_out as held_out,
    held_out_scores as held_out_scores,
    outcomes as outcomes,
    validation_mi as validation_mi,
)
from .critic_rows import (
    CriticMap as CriticMap,
    critic_maps as critic_maps,
    prepare_for_critic as prepare_for_critic,
)
from .density_fit import (
    Bound as Bound,
    BoundWithError as BoundWithError,
    EntropyFit as EntropyFit,
    Fit as Fit,
    GaussianFit as GaussianFit,
    fit_densities as fit_densities,
)
from .density_rows import (
    prepare_for_densities as prepare_for_densities,
)
from .kept_critics import (
    KeptCritic as KeptCritic,
    pointwise_mi as pointwise_mi,
    row_marks as row_marks,
    with_critic as with_critic,
    with_pointwise as with_pointwise,
)
from .preprocessing import (
    FittedMap as FittedMap,
    RankGaussianiser as RankGaussianiser,
    Standardiser as Standardiser,
    Unchanged as Unchanged,
    fit_preprocess as fit_preprocess,
    restored_preprocess as restored_preprocess,
)
from .rounds import (
    TrainedInRounds as TrainedInRounds,
    round_steps as round_steps,
    train_in_rounds as train_in_rounds,
)
from .settings import (
    Evaluation as Evaluation,
    Part as Part,
    Representation as Representation,
    Split as Split,
    Time as Time,
    Training as Training,
)
from .stack import (
    Parameters as Parameters,
    State as State,
    Trained as Trained,
    train as train,
)
from .tensor_files import (
    MOST_HEADER as MOST_HEADER,
    Layout as Layout,
    broken_file as broken_file,
    read_file as read_file,
    tensors_of as tensors_of,
)
from .threads import (
    one_thread as one_thread,
)
