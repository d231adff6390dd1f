"""The default estimator: several critics, weighed against each other on validation rows."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar, Literal

from mi_cli.estimators.base import Estimator, Kind
from mi_cli.fields import Positive, Widths

if TYPE_CHECKING:
    pass

__all__ = ["Auto"]


class Auto(Estimator):
    name: Literal["auto"] = "auto"
    kind: ClassVar[Kind] = "lower bound"
    validates: ClassVar[bool] = True
    trains_on_fresh_rows: ClassVar[bool] = False

    freedoms: tuple[Positive, ...] = (1, 2, 3, 5, 10)
    hidden: Widths = (128, 128)
    concat: Widths = (64, 64, 64)
    members: tuple[str, ...] = ("elliptical", "separable", "concat")

    def estimate(self, problems, training, evaluation, context, start=None):
        import time

        from mi_cli import fit
        from mi_cli.estimators.variational import DonskerVaradhan

        self_t = {}
        ranked = [fit.prepared(p, "rank_gaussianise", False) for p in problems]
        found = []  # member -> (val scores list, test scores list)
        names = []
        t0 = time.time()
        if "elliptical" in self.members:
            for nu in (math.inf, *self.freedoms):
                found.append(_elliptical(ranked, nu, evaluation.shifts, context))
                names.append(f"t{nu:g}")
        self_t["ell"] = time.time() - t0
        for name, est, tr in self.networks(training):
            if name not in self.members:
                continue
            t0 = time.time()
            prep = [fit.prepared(p, est.preprocess, est.norms) for p in problems]
            critics = fit.Critics(est, prep, tr, context)
            trained = critics.train()
            pair = []
            for part in ("val", "test"):
                rows = fit.stacked([getattr(p, part) for p in prep], context.device)
                pair.append(fit.held_out_scores(critics.critic, trained.best, rows, evaluation.shifts, context))
            found.append(tuple(pair))
            names.append(name)
            self_t[name] = time.time() - t0
        dv = DonskerVaradhan()
        out = []
        for k in range(len(problems)):
            val = [m[0][k] for m in found]
            test = [m[1][k] for m in found]
            w = _weights(val)
            mixed = _mix(test, w)
            e = fit.measured(dv, mixed, evaluation.level)
            vals = [dv.bound(v).item() for v in val]
            tests = [dv.bound(v).item() for v in test]
            out.append((e, dict(zip(names, zip(vals, tests, w.tolist()))), self_t))
        return out

    def networks(self, training):
        from mi_cli.estimators.variational import DonskerVaradhan

        return [
            ("separable", DonskerVaradhan(hidden=self.hidden), training),
            (
                "concat",
                DonskerVaradhan(
                    critic="concat",
                    hidden=self.concat,
                    activation="relu",
                    product="derangement",
                    n_product=4,
                    preprocess="standardise",
                    norms=False,
                ),
                training,
            ),
        ]


def _elliptical(ranked, nu, shifts, context):
    import torch
    from scipy.special import ndtr, stdtrit

    from mi_cli import fit
    from mi_cli.critics import Scores
    from mi_cli.elliptical import LogRatio
    from mi_cli.elliptical import fit as fit_ratio

    def scores(z):
        return z if math.isinf(nu) else torch.from_numpy(stdtrit(nu, ndtr(z.numpy())))

    out = ([], [])
    for p in ranked:
        ratio = LogRatio([fit_ratio(scores(p.train.x), scores(p.train.y), nu)], nu)
        for i, rows in enumerate((p.val, p.test)):
            from mi_cli.estimators.base import Rows

            x, y = fit.stacked([Rows(scores(rows.x), scores(rows.y))], context.device)
            out[i].append(Scores.of_partners(ratio.shifted(x, y, shifts).double()))
    return out


def _mix(scores, w):
    from mi_cli.critics import Scores

    return Scores(sum(a * s.joint for a, s in zip(w, scores)), sum(a * s.by_row for a, s in zip(w, scores)))


def _weights(scores):
    import numpy as np
    import torch
    from scipy.optimize import minimize

    joint = torch.stack([s.joint[0] for s in scores]).mean(1)
    product = torch.stack([s.product[0] for s in scores])

    def loss(w):
        w = torch.from_numpy(w)
        t = w @ product
        top = t.max()
        e = torch.exp(t - top)
        z = e.sum()
        value = w @ joint - top - torch.log(z) + math.log(len(t))
        grad = joint - (product @ e) / z
        return -value.item(), -grad.numpy()

    start = np.full(len(scores), 1 / len(scores))
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(0, None)] * len(scores))
    return torch.from_numpy(found.x)
