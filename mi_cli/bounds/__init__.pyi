from .conditional import (
    club as club,
    club_error as club_error,
    entropy_difference as entropy_difference,
    entropy_difference_error as entropy_difference_error,
    gaussian_log_density as gaussian_log_density,
    gaussian_pair_means as gaussian_pair_means,
    gaussian_pairs as gaussian_pairs,
    leave_one_out as leave_one_out,
    leave_one_out_with_error as leave_one_out_with_error,
)
from .interaction import (
    MEASURES as MEASURES,
    interactions as interactions,
    normal_interactions as normal_interactions,
    table_interactions as table_interactions,
)
from .uncertainty import (
    SMALLEST_P as SMALLEST_P,
    interval as interval,
    lower_limit as lower_limit,
    p_value as p_value,
)
from .variational import (
    donsker_varadhan as donsker_varadhan,
    donsker_varadhan_error as donsker_varadhan_error,
    donsker_varadhan_influence as donsker_varadhan_influence,
    donsker_varadhan_naive as donsker_varadhan_naive,
    fenchel_legendre as fenchel_legendre,
    hellinger as hellinger,
    influence as influence,
    influence_error as influence_error,
    infonce as infonce,
    jensen_shannon as jensen_shannon,
    log_mean_exp as log_mean_exp,
    log_mean_exp_naive as log_mean_exp_naive,
    nwj as nwj,
    smile as smile,
)
