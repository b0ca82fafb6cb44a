"""One picture file to pixels: RGB or RGBA of 8 bits, upright, in sRGB; or the reason why it cannot be used."""

from __future__ import annotations

import functools
import io

import numpy as np
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError, features

from fgbg_depth.errors import SourceError
from fgbg_depth.sources.instances.packed import Instance, unpack
from fgbg_depth.sources.instances.soft_mask import cut_out

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "AVIF", "PPM", "TGA", "JPEG2000")  # MPO opens as JPEG
EXTENSIONS = frozenset(
    f".{name}"
    for name in (
        *("jpg", "jpeg", "jpe", "jfif", "mpo", "jp2", "png", "apng", "webp", "avif", "gif"),
        *("bmp", "tif", "tiff", "tga", "ppm", "pgm", "pbm", "pnm"),
    )
)
HEIF_EXTENSIONS = frozenset((".heic", ".heif", ".hif"))  # photographs of phones; readable if pillow-heif is installed
DECODERS = {**dict.fromkeys(HEIF_EXTENSIONS, "pillow-heif"), ".avif": "Pillow 11.3 or newer"}  # what else reads them
MAX_PIXELS = 2**27  # 134 million: four times the largest phone photograph, 0.5 GB decoded
NO_TRANSPARENCY = "has no transparency"  # start of the reason why a picture without alpha is no cut-out
_GREY_SPREAD = 8  # of 255: how much the channels of a grey picture differ after JPEG compression
_SRGB = ImageCms.createProfile("sRGB")


def readable_extensions() -> frozenset[str]:
    """Extensions of the files that can be decoded here, in lower case: ".jpg", ".png", ..."""
    formats = _readable_formats()
    extensions = EXTENSIONS if "AVIF" in formats else EXTENSIONS - {".avif"}
    return extensions | HEIF_EXTENSIONS if "HEIF" in formats else extensions


@functools.cache
def _readable_formats() -> tuple[str, ...]:
    """Pillow's names of the formats that can be decoded here."""
    formats = FORMATS if features.check("avif") else tuple(name for name in FORMATS if name != "AVIF")
    try:
        from pillow_heif import register_heif_opener
    except ImportError:
        return formats
    register_heif_opener()
    return (*formats, "HEIF")


def load_rgb(data: bytes, at_least: int = 0) -> Image.Image:
    """Decode a picture to RGB, upright, in sRGB; transparent parts become white.

    Args:
        data: the file's bytes.
        at_least: a JPEG may be decoded at a reduced size whose sides are still at least this many pixels.
    Returns:
        (height, width, 3) uint8.
    Raises:
        SourceError: the reason why the file cannot be used, to be printed after its name.
    """
    image = _open(data, at_least)
    if has_transparency(image):
        rgba = _to_rgba(image)
        return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")
    return _to_rgb(image)


def load_rgba(data: bytes) -> Image.Image:
    """Decode a cut-out to RGBA with straight alpha, upright, in sRGB.

    Args:
        data: the file's bytes, or a photograph with the mask of one instance (`instances.packed`).
    Returns:
        (height, width, 4) uint8.
    Raises:
        SourceError: the reason why the file cannot be used, to be printed after its name.
    """
    if (instance := unpack(data)) is not None:
        return cut_out(_annotated_photo(instance), instance)
    image = _open(data)
    if not has_transparency(image):
        raise SourceError(f"{NO_TRANSPARENCY} (mode {image.mode})")
    rgba = _to_rgba(image)
    low, high = rgba.getchannel("A").getextrema()
    if low == 255:
        raise SourceError(f"{NO_TRANSPARENCY} (its alpha is 255 everywhere)")
    if high == 0:
        raise SourceError("is fully transparent")
    return rgba


def _annotated_photo(instance: Instance) -> Image.Image:
    """The photograph as its annotations mean it: as it is stored, unless only the upright one has the stated size."""
    stored = _open(instance.photo, upright=False)
    stated = (instance.width, instance.height)
    if not instance.width or stored.size == stated:
        return _to_rgb(stored)
    upright = _open(instance.photo)
    if upright.size == stated:
        return _to_rgb(upright)
    sizes = f"{stored.width}x{stored.height} pixels, but its annotations say {instance.width}x{instance.height}"
    raise SourceError(f"has a photograph of {sizes}")


def load_photo(data: bytes) -> Image.Image:
    """Decode a photograph to RGB, upright, in sRGB.

    Returns:
        (height, width, 3) uint8.
    Raises:
        SourceError: the reason why the file cannot be used, to be printed after its name.
    """
    image = _open(data)
    if has_transparency(image):
        rgba = _to_rgba(image)
        if np.asarray(rgba.getchannel("A")).min() < 255:
            raise SourceError("is a cut-out already: it has transparent parts")
        return rgba.convert("RGB")
    return _to_rgb(image)


def load_matte(data: bytes) -> np.ndarray:
    """Decode a matte: the alpha of a picture with transparency, else its grey values of 8 or 16 bits.

    Returns:
        (height, width) uint8; 255 is foreground.
    Raises:
        SourceError: the reason why the file cannot be used, to be printed after its name.
    """
    image = _open(data)
    if has_transparency(image):
        alpha = np.asarray(_to_rgba(image).getchannel("A"))
        if alpha.min() < 255:
            return alpha
    if image.mode in ("I;16", "I;16B", "I;16L", "I;16N", "I", "F"):
        return _to_8_bit(np.asarray(image))
    if image.mode in ("1", "L", "LA", "La"):
        return np.asarray(image.convert("L"))
    rgb = np.asarray(image.convert("RGB")).astype(np.int16)
    if (rgb.max(axis=-1) - rgb.min(axis=-1)).max() > _GREY_SPREAD:
        raise SourceError(
            f"is a picture in colour without transparency (mode {image.mode}); a matte is grey, or the alpha of RGBA"
        )
    return np.asarray(image.convert("L"))


def has_transparency(image: Image.Image) -> bool:
    """Whether an image has an alpha channel or a transparent color."""
    return image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info


def _open(data: bytes, at_least: int = 0, upright: bool = True) -> Image.Image:
    if not data:
        raise SourceError("is empty (0 bytes)")
    try:
        image = Image.open(io.BytesIO(data), formats=_readable_formats())
        if image.width * image.height > MAX_PIXELS:
            raise SourceError(f"is too large: {image.width}x{image.height} pixels; at most {MAX_PIXELS:,} are allowed")
        if at_least and image.format == "JPEG":
            image.draft("RGB", (at_least, at_least))
        profile = image.info.get("icc_profile")
        transparency = image.info.get("transparency")
        image.load()
        turned = ImageOps.exif_transpose(image) if upright else image
        if transparency is not None:  # exif_transpose does not always copy this
            turned.info["transparency"] = transparency
        if profile:
            turned.info["icc_profile"] = profile
        return turned
    except SourceError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as e:
        # Pillow's own text calls a large picture an attack
        raise SourceError(f"is too large; at most {MAX_PIXELS:,} pixels are allowed") from e
    except UnidentifiedImageError as e:
        raise SourceError("is not a picture in a supported format") from e
    except MemoryError as e:
        raise SourceError("is too large for this machine's memory") from e
    except Exception as e:  # decoders of damaged files raise nearly any type: EOFError, SyntaxError, struct.error
        raise SourceError(f"is damaged ({type(e).__name__}: {str(e)[:120]})") from e


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode in ("I;16", "I;16B", "I;16L", "I;16N", "I", "F"):
        return Image.fromarray(_to_8_bit(np.asarray(image))).convert("RGB")
    return _to_srgb(image, "RGB")


def _to_rgba(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16-bit grey with a transparent value
        grey = _to_8_bit(np.asarray(image))
        alpha = np.where(np.asarray(image) == image.info["transparency"], 0, 255).astype(np.uint8)
        return Image.merge("RGBA", [Image.fromarray(grey)] * 3 + [Image.fromarray(alpha)])
    if image.mode == "La":
        image = image.convert("LA")
    rgba = image.convert("RGBA")
    if image.mode in ("RGB", "RGBA") and image.info.get("icc_profile"):
        rgb = rgba.convert("RGB")
        rgb.info["icc_profile"] = image.info["icc_profile"]
        rgba = Image.merge("RGBA", [*_to_srgb(rgb, "RGB").split(), rgba.getchannel("A")])
    return rgba


def _to_srgb(image: Image.Image, mode: str) -> Image.Image:
    """Convert with an embedded RGB or CMYK profile. A broken profile is ignored, as in image viewers."""
    profile = image.info.get("icc_profile")
    if profile and image.mode in ("RGB", "CMYK"):
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            if "sRGB" not in ImageCms.getProfileDescription(source):
                converted = ImageCms.profileToProfile(image, source, _SRGB, outputMode=mode)
                if converted is not None:
                    return converted
        except (ImageCms.PyCMSError, OSError, ValueError):
            pass
    return image.convert(mode)


def _to_8_bit(values: np.ndarray) -> np.ndarray:
    """Scale grey of more than 8 bits to 8 bits.

    The range of integers is [0, 255] or [0, 65535], that of floats [0, 1] unless a value exceeds it.
    """
    if not np.isfinite(values).all():
        raise SourceError("has pixels that are not finite numbers")
    if values.dtype.kind == "f":
        top = 1.0 if values.max(initial=0) <= 1 else 255.0 if values.max() <= 255 else 65535.0
    else:
        top = 65535.0 if values.max(initial=0) > 255 or values.dtype.itemsize == 2 else 255.0
    return np.rint(np.clip(values.astype(np.float64) / top, 0, 1) * 255).astype(np.uint8)
