"""Draw the style pictures in dltk/samples/styles: brush strokes and stained glass, from a seed.

Style transfer (Gatys et al. 2016) learns from textures of every size and not from what a picture
shows, so both are textures through and through: ridges of single bristles and of grained glass,
strokes and panes, and colours that drift across the whole.
"""

import numpy as np
from PIL import Image
from scipy import ndimage
from scipy.spatial import cKDTree

from dltk.images import encode
from dltk.samples import STYLES

LIGHT = np.array([-0.6, -0.8])  # x and y of where light comes from: above, from the left

# From the shade to the light, as a painter would set them out.
PAINTS = [
    (14, 22, 62), (22, 40, 104), (28, 70, 150), (40, 108, 178), (30, 140, 158), (112, 172, 196),
    (206, 222, 214), (246, 236, 196), (246, 206, 92), (234, 164, 34), (206, 104, 30), (150, 54, 34),
]  # fmt: skip
ACCENTS = 0.05  # share of strokes in a colour from the other side of the palette
PALE = 0.07  # share of panes
GLASS = [
    (112, 8, 36), (178, 12, 28), (212, 44, 18), (240, 130, 16), (250, 190, 40), (236, 214, 120),
    (96, 160, 60), (10, 118, 78), (14, 132, 150), (30, 112, 206), (18, 58, 176), (58, 26, 128),
]  # fmt: skip


def noise(random, shape, scale):
    """Return smooth noise of mean 0 and variance 1; `scale` is the size of its grains in pixels.

    One scale for x and y, or (y, x).
    """
    field = ndimage.gaussian_filter(random.normal(size=shape), scale, mode="wrap")
    return (field - field.mean()) / field.std()


def step(low, high, x):
    """Rise smoothly from 0 where x <= low to 1 where x >= high."""
    t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def relief(height, strength):
    """Return how a surface (H, W) is lit from the side: about 0, and more where it is brighter."""
    slopes = np.stack([ndimage.sobel(height, axis) / 8 for axis in (1, 0)], -1)
    return strength * (slopes @ -LIGHT)


def blend(colours, at):
    """Return the colours (N, 3) mixed at places (...,) between 0 and N - 1."""
    colours = np.asarray(colours, float)
    return np.stack([np.interp(at, np.arange(len(colours)), c) for c in colours.T], -1)


# Brush strokes


def brush_strokes(width, height, seed=0):
    """Return thick paint (RGB image) in strokes along the eddies of a random stream function.

    Colours follow the stream function too, so that rings of light and dark lie around each eddy.
    """
    random = np.random.default_rng(seed)
    shape = height, width
    stream = noise(random, shape, 58) + 0.3 * noise(random, shape, 26)
    tones = 5.2 + 1.9 * stream + 1.3 * noise(random, shape, 90) + 0.9 * noise(random, shape, 16)
    slope_y, slope_x = np.gradient(stream)
    flow = np.arctan2(slope_x, -slope_y)  # along the lines of equal height
    bristles = noise(random, (512, 512), (14, 0.7))  # long along a stroke, fine across
    canvas = 0.8 * blend(PAINTS, tones)
    surface = np.zeros(shape)
    for breadth, cover in ((34, 2.5), (22, 2.5), (14, 2.2), (9, 0.9), (6, 0.25)):
        length = 4.2 * breadth + 12
        count = int(cover * width * height / (breadth * length))
        for x, y in random.uniform(-10, (width + 10, height + 10), (count, 2)):
            stroke = Stroke(random, x, y, breadth, length)
            stroke.bend(flow)
            stroke.paint(canvas, surface, bristles, tones)
    lit = relief(surface, 64)
    shiny = np.clip(lit - 20, 0, None) * 1.4
    return as_image(canvas * (1 + lit / 160)[..., None] + (lit * 0.35 + shiny)[..., None])


class Stroke:
    """One stroke of a flat brush: an arc of a circle, loaded with a streaky mix of two paints."""

    def __init__(self, random, x, y, breadth, length):
        self.random, self.x, self.y = random, x, y
        self.half = breadth / 2 * random.uniform(0.75, 1.25)
        self.reach = length / 2 * random.uniform(0.7, 1.2)

    def bend(self, flow):
        """Take direction and curvature from the flow, an angle (H, W) in radians."""

        def angle(along):
            x = self.x + along * np.cos(self.turn)
            y = self.y + along * np.sin(self.turn)
            return pick(flow, x, y)

        self.turn = pick(flow, self.x, self.y)
        ahead, behind = angle(0.5 * self.reach), angle(-0.5 * self.reach)
        turned = (ahead - behind + np.pi) % (2 * np.pi) - np.pi
        bend = np.clip(turned / self.reach, -1.2 / self.reach, 1.2 / self.reach)
        self.bent = bend if abs(bend) > 1e-4 else 1e-4
        self.turn += self.random.normal(0, 0.07)

    def paint(self, canvas, surface, bristles, tones):
        """Lay the stroke on the canvas (H, W, 3) and its relief on the surface (H, W)."""
        random = self.random
        box = self.box(surface.shape)
        ys, xs = np.mgrid[box]
        along, across = self.coordinates(xs - self.x, ys - self.y)
        place = random.uniform(0, 512, 2)
        hair = sample(bristles, along * 0.35 + place[0], across + place[1])
        streak = sample(bristles, along * 0.2 + place[1], across * 0.55 + place[0])
        end = self.reach * (0.86 + 0.12 * hair) - np.abs(along)
        side = self.half + 0.5 * hair - np.abs(across)
        cover = step(-0.5, 0.9, side) * step(-0.6, 2.5, end)
        dry = step(0.2, 1, along / self.reach)  # the brush runs out of paint
        cover *= 1 - 0.85 * dry * step(0.1, 0.9, -hair)
        tone = pick(tones, self.x, self.y) + random.normal(0, 0.9)
        if random.random() < ACCENTS:
            tone = (tone + len(PAINTS) / 2) % len(PAINTS)
        mix = blend(PAINTS, np.abs(tone + 0.8 * streak))
        mix *= random.normal(1, 0.06) + 0.08 * hair[..., None]
        ridge = np.exp(-((side - 1.2) ** 2) / 2) + 0.8 * np.exp(-((end - 2) ** 2) / 5)
        thick = 1 + 0.65 * hair + 0.9 * ridge + 0.02 * self.half
        part = canvas[box]
        part += cover[..., None] * (mix - part)
        part = surface[box]
        part += cover * (0.3 * part + thick - part)

    def box(self, shape):
        """Return the slices of rows and columns that the stroke lies in."""
        far = self.reach + self.half + 2
        places = zip((self.y, self.x), shape, strict=True)
        return tuple(
            slice(*np.clip([at - far, at + far], 0, size).astype(int)) for at, size in places
        )

    def coordinates(self, x, y):
        """Return how far along the arc and how far beside it places (x, y) are from its middle."""
        cos, sin = np.cos(self.turn), np.sin(self.turn)
        ahead, beside = x * cos + y * sin, y * cos - x * sin
        radius = 1 / self.bent
        along = np.arctan2(ahead * np.sign(radius), np.abs(radius) - beside * np.sign(radius))
        across = np.abs(radius) - np.hypot(ahead, radius - beside)
        return along * radius, across * np.sign(radius)


def pick(field, x, y):
    """Return the value of a field (H, W) at a place, or the nearest one inside."""
    rows, columns = field.shape
    return field[int(np.clip(y, 0, rows - 1)), int(np.clip(x, 0, columns - 1))]


def sample(texture, y, x):
    """Return the values of a texture that repeats itself, between its pixels too."""
    return ndimage.map_coordinates(texture, [y, x], order=1, mode="grid-wrap")


def as_image(pixels):
    return Image.fromarray(np.rint(np.clip(pixels, 0, 255)).astype(np.uint8))


# Stained glass

FINER = 2  # drawn that many times as large, and shrunk


def stained_glass(width, height, seed=0):
    """Return leaded panes lit from behind (RGB image): the cells of relaxed points.

    Each pane has a colour, a gradient, streaks and ripples of its own.
    """
    random = np.random.default_rng(seed)
    shape = FINER * height, FINER * width
    ys, xs = np.mgrid[: shape[0], : shape[1]] / FINER
    xs += 1.8 * noise(random, shape, 10 * FINER)  # or all leads would be straight
    ys += 1.8 * noise(random, shape, 10 * FINER)
    centres = relaxed_points(random, width, height)
    far, near = cKDTree(centres).query(np.stack([xs, ys], -1), 3)
    edge, other_edge = (to_border(centres, far, near, other) for other in (1, 2))
    edge = -1.4 * np.log(np.exp(-edge / 1.4) + np.exp(-other_edge / 1.4))  # solder fills corners

    light = panes(random, centres, near[..., 0], xs, ys)
    light *= (0.62 + 0.36 * step(0, 7, edge) + 0.2 * step(4, 30, edge))[..., None]
    half = lead_widths(random, centres, near)
    round_ = np.sqrt(np.clip(1 - (edge / half) ** 2, 0, 1))
    cast = half * round_ + 0.22 * noise(random, shape, 1.5 * FINER) + 0.25 * noise(random, shape, 5)
    lead = np.array([24, 23, 28]) + relief(cast * FINER, 60)[..., None] * [1, 0.97, 0.9]
    leaded = step(-0.35, 0.35, half - edge)[..., None]
    pixels = light * (1 - leaded) + lead * leaded
    glow = ndimage.gaussian_filter(light * (1 - leaded), (7 * FINER, 7 * FINER, 0))
    pixels += 0.45 * glow * (1 - pixels / 255).clip(0)
    return as_image(pixels).reduce(FINER)


def panes(random, centres, pane, xs, ys):
    """Return the light (H, W, 3) that comes through the glass, without leads."""
    shape, count = pane.shape, len(centres)
    drift = 3.6 * noise(random, shape, 60 * FINER)  # neighbours have something in common
    hue = [pick(drift, *(FINER * centre)) for centre in centres] + random.normal(0, 1.5, count)
    turn = random.uniform(0, 2 * np.pi, count)[pane]
    x, y = xs - centres[pane, 0], ys - centres[pane, 1]
    along, across = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)

    grain = noise(random, (512, 512), (16, 1.8))
    start = random.uniform(0, 512, (2, count))[:, pane]
    wave = 2 * sample(grain, across * 0.4 + start[0], along * 0.25)
    streak = sample(grain, along * 0.7 + start[0], across + wave + start[1])
    cloud = noise(random, shape, 9 * FINER)
    thick = 1.12 + 0.016 * along * random.normal(0, 1, count)[pane] + 0.3 * streak + 0.2 * cloud
    colour = np.array(GLASS)[np.rint(hue).astype(int) % len(GLASS)]
    colour += random.normal(0, 9, colour.shape).astype(int)
    colour = np.clip(colour + 70 * (random.random((count, 1)) < PALE), 6, 250) / 255
    light = 255 * colour[pane] ** np.clip(thick, 0.25, 2)[..., None]  # Beer and Lambert's law

    ripple = noise(random, shape, 2.2 * FINER) + 0.5 * noise(random, shape, 0.9 * FINER)
    bubbles = step(2.7, 3.3, noise(random, shape, 1.1 * FINER))
    sky = 0.14 * noise(random, shape, 90 * FINER)
    shine = 1 + sky + relief(ripple, 0.24 * FINER) + 0.12 * cloud + 0.8 * bubbles
    return light * shine[..., None]


def lead_widths(random, centres, near):
    """Return half the width of the nearest lead everywhere, in pixels.

    Leads that part large figures, each of some panes, are broader than those within one.
    """
    figures = relaxed_points(random, *np.ceil(centres.max(0)).astype(int), size=150)
    figure = cKDTree(figures).query(centres)[1]
    own = random.uniform(1.2, 2.4, len(centres))
    one, other = near[..., 0], near[..., 1]
    return (own[one] + own[other]) / 2 + 1.5 * (figure[one] != figure[other])


def to_border(centres, far, near, other):
    """Return how far it is from the nearest centre's cell to that of the second or third."""
    apart = np.linalg.norm(centres[near[..., 0]] - centres[near[..., other]], axis=-1)
    return (far[..., other] ** 2 - far[..., 0] ** 2) / (2 * apart)


def relaxed_points(random, width, height, size=52):
    """Return centres (N, 2), x and y, of cells about `size` pixels wide, small and large.

    Lloyd's algorithm on points scattered by density: each centre moves to the mean of those that
    are nearest to it.
    """
    chance = (size * np.exp(0.4 * noise(random, (height, width), 60))) ** -2
    count = max(4, round(chance.sum()))
    places = random.choice(chance.size, 60 * count, p=(chance / chance.sum()).ravel())
    scattered = np.stack([places % width, places // width], -1) + random.random((len(places), 2))
    centres = scattered[:count]
    for _ in range(5):
        owner = cKDTree(centres).query(scattered)[1]
        kept = np.bincount(owner, minlength=count)[:, None]
        sums = np.stack([np.bincount(owner, axis, count) for axis in scattered.T], -1)
        centres = np.where(kept, sums / np.maximum(kept, 1), centres)
    return centres


PICTURES = {"brush-strokes": (brush_strokes, 5), "stained-glass": (stained_glass, 4)}

if __name__ == "__main__":
    for name, (draw, seed) in PICTURES.items():
        encode(draw(768, 768, seed), STYLES / f"{name}.jpg", quality=92)
