"""The names of what comes with mi-run, and the object that each stands for, as ``module:attribute``."""

from __future__ import annotations

__all__ = [
    "DATASETS",
    "ENCODERS",
    "ESTIMATORS",
    "OBJECTIVES",
    "PLOTS",
    "PLOTS_OF_ROWS",
    "POINTWISE_PLOTS",
    "PROCEDURES",
]


DATASETS = {
    "additive_uniform": "mi_cli.datasets.additive_uniform:UniformPairs",
    "bits": "mi_cli.datasets.bits:Bits",
    "bend_and_mix": "mi_cli.datasets.bend_and_mix:BendAndMix",
    "beyond_normal": "mi_cli.datasets.beyond_normal:BeyondNormal",
    "chain": "mi_cli.datasets.chain:Chain",
    "class_mixture": "mi_cli.datasets.class_mixture:ClassMixture",
    "class_table": "mi_cli.datasets.class_table:ClassTable",
    "collider": "mi_cli.datasets.collider:Collider",
    "columns": "mi_cli.datasets.joint_columns:JointColumns",
    "confounded": "mi_cli.datasets.confounded:Confounded",
    "copied_bits": "mi_cli.datasets.copied_bits:CopiedBits",
    "coupled_maps": "mi_cli.datasets.coupled_maps:CoupledMaps",
    "discrete_continuous": "mi_cli.datasets.discrete_continuous:DiscreteContinuous",
    "equicorrelated": "mi_cli.datasets.equicorrelated:Equicorrelated",
    "gamma_exponential": "mi_cli.datasets.gamma_exponential:GammaExponential",
    "gaussian": "mi_cli.datasets.gaussian:Gaussian",
    "gaussian_mixture": "mi_cli.datasets.gaussian_mixture:GaussianMixture",
    "labelled_table": "mi_cli.datasets.labelled_table:LabelledTable",
    "manifold": "mi_cli.datasets.manifold:Manifold",
    "off_benchmark": "mi_cli.datasets.off_benchmark.dataset:OffBenchmark",
    "polynomial_differences": "mi_cli.datasets.polynomial_differences:PolynomialDifferences",
    "root_functions": "mi_cli.datasets.root_functions:RootFunctions",
    "student": "mi_cli.datasets.student:StudentT",
    "table": "mi_cli.datasets.table:Table",
    "time_series": "mi_cli.datasets.time_series:TimeSeries",
    "var": "mi_cli.datasets.var:Var",
    "xor": "mi_cli.datasets.xor:Xor",
}


ESTIMATORS = {
    "auto": "mi_cli.estimators.auto:Auto",
    "club": "mi_cli.estimators.conditional_bounds:Club",
    "copula": "mi_cli.estimators.gaussian:Copula",
    "discrete": "mi_cli.estimators.discrete:Discrete",
    "doe": "mi_cli.estimators.entropy_difference:EntropyDifference",
    "dv": "mi_cli.estimators.dv:DonskerVaradhan",
    "fdime": "mi_cli.estimators.lower_bounds:FDime",
    "flo": "mi_cli.estimators.lower_bounds:ContrastiveFenchelLegendre",
    "flow": "mi_cli.estimators.entropy_difference:Flow",
    "gaussian": "mi_cli.estimators.gaussian:Gaussian",
    "gmm": "mi_cli.estimators.gmm:Gmm",
    "histogram": "mi_cli.estimators.histogram:Histogram",
    "infonce": "mi_cli.estimators.lower_bounds:InfoNce",
    "js": "mi_cli.estimators.lower_bounds:JensenShannon",
    "ksg": "mi_cli.estimators.ksg:Ksg",
    "l1out": "mi_cli.estimators.conditional_bounds:LeaveOneOut",
    "linear": "mi_cli.estimators.linear:LinearDiscriminator",
    "mine": "mi_cli.estimators.mine:Mine",
    "mixed": "mi_cli.estimators.mixed:Mixed",
    "nearest": "mi_cli.estimators.nearest_neighbours:Nearest",
    "nwj": "mi_cli.estimators.lower_bounds:Nwj",
    "ross": "mi_cli.estimators.ross:Ross",
    "smile": "mi_cli.estimators.lower_bounds:Smile",
    "tuba": "mi_cli.estimators.lower_bounds:Tuba",
}


ENCODERS = {
    "mlp": "mi_cli.representations.networks:PerceptronEncoder",
}


OBJECTIVES = {
    "autoencoder": "mi_cli.representations.objectives.autoencoder:Autoencoder",
    "barlow_twins": "mi_cli.representations.objectives.barlow_twins:BarlowTwins",
    "denoising": "mi_cli.representations.objectives.denoising:Denoising",
    "infomax": "mi_cli.representations.objectives.infomax:InfoMax",
    "supervised": "mi_cli.representations.objectives.supervised:Supervised",
    "two_table": "mi_cli.representations.objectives.two_table:TwoTable",
    "two_view": "mi_cli.representations.objectives.two_view:TwoView",
    "untrained": "mi_cli.representations.objectives.untrained:Untrained",
    "vicreg": "mi_cli.representations.objectives.vicreg:VicReg",
}


# Plots that show rows of the data. A run with such a plot records some rows. A plot of another package says so by the
# attribute ``needs_rows`` of its function; asking our own functions would import matplotlib.
PLOTS_OF_ROWS = {
    "gaussian_samples": "mi_cli.plots.gaussian_samples:plot",
}


# Plots of the rows' pointwise MI, which a run with ``evaluation.pointwise`` draws beside its own.
POINTWISE_PLOTS = {
    "pointwise_profile": "mi_cli.plots.pointwise_profile:plot",
    "pointwise_rows": "mi_cli.plots.pointwise_rows:plot",
}


PLOTS = {
    "answer_coverage": "mi_cli.plots.answer_coverage:plot",
    "coverage": "mi_cli.plots.coverage:plot",
    "error_against_samples": "mi_cli.plots.error_against_samples:plot",
    "error_against_seconds": "mi_cli.plots.error_against_seconds:plot",
    "estimate_against_axis": "mi_cli.plots.estimate_against_axis:plot",
    "estimate_against_step": "mi_cli.plots.estimate_against_step:plot",
    "estimate_heat_map": "mi_cli.plots.estimate_heat_map:plot",
    "extrapolation": "mi_cli.plots.extrapolation:plot",
    "forest": "mi_cli.plots.forest:plot",
    "information_graph": "mi_cli.plots.information_graph:plot",
    **PLOTS_OF_ROWS,
    "label_efficiency": "mi_cli.plots.label_efficiency:plot",
    "method_comparison": "mi_cli.plots.method_comparison:plot",
    "mi_against_lag": "mi_cli.plots.mi_against_lag:plot",
    "mi_and_mse_against_step": "mi_cli.plots.mi_and_mse_against_step:plot",
    "o_information": "mi_cli.plots.o_information:plot",
    "pair_heat_map": "mi_cli.plots.pair_heat_map:plot",
    "pair_intervals": "mi_cli.plots.pair_intervals:plot",
    "selection_path": "mi_cli.plots.selection_path:plot",
    **POINTWISE_PLOTS,
}


PROCEDURES = {
    "estimate": "mi_cli.procedures.estimate:Estimate",
    "maximise": "mi_cli.procedures.maximise:Maximise",
    "compare": "mi_cli.procedures.compare:Compare",
    "represent": "mi_cli.procedures.represent:Represent",
    "interaction": "mi_cli.procedures.interaction:Interaction",
    "lags": "mi_cli.procedures.lags:Lags",
    "transfer_entropy": "mi_cli.procedures.transfer_entropy:TransferEntropy",
    "select": "mi_cli.procedures.select:Select",
}
