"""One formula, many arithmetics: arrays of reals, the arithmetics behind them, derivatives and precision."""
