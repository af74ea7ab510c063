"""One formula, many arithmetics: arrays of reals, the arithmetics behind them, derivatives and precision.

    arithmetic -> arrays -> tape -> roots -> vocabulary (public as `numcheck.m`)
         |                    `---> evaluation
         `---> arb, ball64, mp -> precision, enclosures -> trust

Nothing here knows a formula or a point.
"""
