"""Muon's step towards the nearest orthogonal matrix: a quintic of singular values, which five passes bring near 1."""

import torch

from numcheck import formula, gap, m, matrix, one_of, ulps


@formula(
    source="Jordan et al. 2024, Muon: An optimizer for hidden layers in neural networks, "
    "kellerjordan.github.io/posts/muon, the listing newtonschulz5; PyTorch 2.13 documentation, torch.optim.Muon",
    known=[
        # the singular value 1 becomes a + b + c = 0.701
        (([[3, 4], [0, 0]], 1.0), "4.20600000000000000000e-1, 5.60800000000000000000e-1, 0, 0"),
        # 1/sqrt(2), twice, becomes a + b/2 + c/4 times that
        (([[8, 0], [0, 8]], 1.0), "1.10653372420929855724677, 0, 0, 1.10653372420929855724677"),
    ],
    wrt=(),
    grads=matrix(-100, 100, shape=(2, 2)),
    passes=one_of(1.0, 5.0),
)
def muon_newton_schulz(grads, passes):
    """x = grads over their norm, then so many times x = a x + (b g + c g g) x with g = x x'; hard for small grads."""
    a, b, c = m.ratio(34445, 10000), m.ratio(-4775, 1000), m.ratio(20315, 10000)
    x = grads / m.norm(grads)
    for _ in range(int(passes)):
        gram = x @ m.transpose(x)
        x = a * x + (b * gram + c * (gram @ gram)) @ x
    return m.reshape(x, (4,))


@muon_newton_schulz.law
def sizes_do_not_matter(f, grads, passes):
    """Eight times the gradients make the same step."""
    return f(8 * grads, passes), f(grads, passes)


@muon_newton_schulz.law
def rows_may_change_places(f, grads, passes):
    """A rotation of rows rotates the step."""
    return f(grads[::-1], passes), m.roll(f(grads, passes), 2)


@muon_newton_schulz.law
def a_matrix_of_rank_one_is_multiplied(f, grads, passes):
    """Its only singular value is 1 after the division, and goes through the quintic."""
    line = m.stack([grads[0], 2 * grads[0]])
    value = 1
    for _ in range(int(passes)):
        value = (
            m.ratio(34445, 10000) * value - m.ratio(4775, 1000) * value**3 + m.ratio(20315, 10000) * value**5
        )
    return f(line, passes), value * m.reshape(line / m.norm(line), (4,))


def iterated(x, passes):
    """The passes, on a batch of matrices whose singular values are at most 1."""
    for _ in range(int(passes)):
        gram = x @ x.mT
        x = 3.4445 * x + (-4.7750 * gram + 2.0315 * (gram @ gram)) @ x
    return x.flatten(1)


# Budgets: a pass rounds its sums of two and three products a dozen times.
@muon_newton_schulz.routine(value=ulps(4, cond=4), formats=["float32", "bfloat16", "float16"])
def float64_then_rounded(grads, passes):
    """In float64, rounded once at the end."""
    wide = grads.double()
    return iterated(wide / wide.norm(dim=(1, 2), keepdim=True), passes).to(grads.dtype)


held = gap(
    "wrong_formula",
    "unconverged",
    why="a norm below 1e-7 is taken for 1e-7: small gradients make smaller steps",
)
tiny = gap(
    "underflow",
    "special_value",
    why="squares of small gradients have few digits, or a norm of 0 is divided by",
)
digits = gap(
    *("cancellation", "absorption", "order"),
    why="an entry that is small beside the others of its matrix takes their rounding errors, five times multiplied",
)


@tiny
@digits
@muon_newton_schulz.routine(value=ulps(4, cond=4, gamma=True))
def largest_first(grads, passes):
    """In the format, by the largest entry before the norm is taken, so that no square vanishes that counts."""
    scaled = grads / grads.abs().amax((1, 2), keepdim=True)
    return iterated(scaled / scaled.norm(dim=(1, 2), keepdim=True), passes)


@held
@tiny
@digits
@muon_newton_schulz.routine(value=ulps(4, cond=4, gamma=True))
def torch_muon(grads, passes):
    """torch.optim.Muon without momentum and decay, which iterates in bfloat16 whatever the parameters' format."""
    parameters = [torch.zeros_like(grad) for grad in grads]
    for parameter, grad in zip(parameters, grads, strict=True):
        parameter.grad = grad.contiguous()
    options = {"lr": 1.0, "weight_decay": 0.0, "momentum": 0.0, "nesterov": False, "ns_steps": int(passes)}
    torch.optim.Muon(parameters, **options).step()
    return -torch.stack(parameters).flatten(1)
