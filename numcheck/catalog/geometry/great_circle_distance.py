"""Distance of two places on a sphere: acos loses short ways, the haversine those to the other side of the globe."""

import torch

from numcheck import formula, gap, m, real, ulps

HALF_PI, PI = 1.5707963267948966, 3.141592653589793


@formula(
    source="Kahan 2006, How Futile are Mindless Assessments of Roundoff?, section 12 (mangled angles)",
    known=[
        ((0, 0, 0, 1), "1"),
        ((0, 0, 0, 0), "0"),
        ((0.5, 0, -0.25, 1), "1.22302051116673692620849273282"),
        ((0.5, 0, 0.5, 2**-20), "8.3692794980083949293278415295e-7"),
    ],
    wrt=(),
    lat1=real(-HALF_PI, HALF_PI),
    lon1=real(-PI, PI),
    lat2=real(-HALF_PI, HALF_PI),
    lon2=real(-PI, PI),
)
def great_circle_distance(lat1, lon1, lat2, lon2):
    """Angle in radians between two directions, of latitude and longitude in radians: the distance on a unit sphere."""
    a = m.stack([m.cos(lat1) * m.cos(lon1), m.cos(lat1) * m.sin(lon1), m.sin(lat1)])
    b = m.stack([m.cos(lat2) * m.cos(lon2), m.cos(lat2) * m.sin(lon2), m.sin(lat2)])
    return 2 * m.atan2(m.norm(a - b), m.norm(a + b))


@great_circle_distance.law
def there_and_back_are_equally_far(f, lat1, lon1, lat2, lon2):
    """Distance is symmetric."""
    return f(lat1, lon1, lat2, lon2), f(lat2, lon2, lat1, lon1)


@great_circle_distance.law
def the_other_side_is_what_lacks_to_half_a_turn(f, lat1, lon1, lat2, lon2):
    """The antipode of a place is pi away from it, and as much nearer to others."""
    return f(lat1, lon1, lat2, lon2) + f(-lat1, lon1 + m.pi(), lat2, lon2), m.pi()


@great_circle_distance.law
def mirroring_at_the_equator_changes_nothing(f, lat1, lon1, lat2, lon2):
    """North and south are alike."""
    return f(lat1, lon1, lat2, lon2), f(-lat1, lon1, -lat2, lon2)


squares = gap("underflow", why="squares and products of small numbers are subnormal or 0")


@great_circle_distance.routine(value=ulps(1), formats=["float32", "bfloat16", "float16"])
def float64_vincenty(lat1, lon1, lat2, lon2):
    """Vincenty's form in float64, rounded once."""
    return vincenty.function(*(x.double() for x in (lat1, lon1, lat2, lon2))).to(lat1.dtype)


@great_circle_distance.routine(value=ulps(4, cond=4))
def vincenty(lat1, lon1, lat2, lon2):
    """Angle of sine and cosine, Vincenty's formula for a sphere: right near and far."""
    across = torch.cos(lat2) * torch.sin(lon1 - lon2)
    # cos a sin b - sin a cos b cos(c) without the difference of close products: 1 - cos(c) = 2 sin(c/2)**2
    half = torch.sin((lon1 - lon2) / 2)
    along = torch.sin(lat2 - lat1) + 2 * torch.sin(lat1) * torch.cos(lat2) * half * half
    cosine = torch.sin(lat1) * torch.sin(lat2) + torch.cos(lat1) * torch.cos(lat2) * torch.cos(lon1 - lon2)
    return torch.atan2(torch.hypot(across, along), cosine)


@gap(
    "cancellation",
    "special_value",
    why="near the antipode the haversine is 1, or more, less what is asked for",
)
@squares
@great_circle_distance.routine(value=ulps(4, cond=4))
def haversine(lat1, lon1, lat2, lon2):
    """2 asin(sqrt(h)) with h = sin(dlat/2)**2 + cos(lat1) cos(lat2) sin(dlon/2)**2 (Sinnott 1984)."""
    north, east = torch.sin((lat1 - lat2) / 2), torch.sin((lon1 - lon2) / 2)
    return 2 * torch.asin(torch.sqrt(north**2 + torch.cos(lat1) * torch.cos(lat2) * east**2))


@gap(
    "cancellation",
    "absorption",
    "special_value",
    why="beside 1 and -1 acos has no digits of a short or an antipodal way",
)
@squares
@great_circle_distance.routine(value=ulps(4, cond=4))
def spherical_law_of_cosines(lat1, lon1, lat2, lon2):
    """acos of the scalar product of the two directions."""
    cosine = torch.sin(lat1) * torch.sin(lat2) + torch.cos(lat1) * torch.cos(lat2) * torch.cos(lon1 - lon2)
    return torch.acos(cosine)
