"""
Makes the HEIC pictures of this folder, which are committed: no encoder for them comes with the product.
Run once with `pip install pillow pillow-heif`, then `python make-heic.py p3.icc` in this folder. p3.icc is the profile of Display P3 that
sharp has: the `icc` of the metadata of any picture that it wrote with `withIccProfile('p3')`.

- upright.heic    120 x 80, its upper left quarter red, the rest of it blue
- turned.heic     80 x 120 marked alike, stored lying on its side with `irot`, and an EXIF orientation of 6, a position and a maker's note
- p3.heic         60 x 40 of the P3 colour (200, 60, 60), which sRGB calls another
- photo.heic      4032 x 3024, as large as a phone's
- large.heic      8064 x 6048 (48.8 megapixels), which is below the bound of 50 megapixels
- too-large.heic  8704 x 6144 (53.5 megapixels)
"""
import sys

from PIL import Image
import pillow_heif

pillow_heif.register_heif_opener()


def marked(width, height):
    picture = Image.new("RGB", (width, height), (20, 40, 200))
    picture.paste((220, 20, 30), (0, 0, width // 2, height // 2))
    return picture


def exif(orientation):
    data = Image.Exif()
    data[0x0112] = orientation
    data[0x010F] = "Maker of cameras"
    data[0xA431] = "SERIAL-0815"
    gps = data.get_ifd(0x8825)
    gps[1], gps[2], gps[3], gps[4] = "N", (52.0, 31.0, 12.0), "E", (13.0, 24.0, 18.0)
    return data


marked(120, 80).save("upright.heic", quality=60)
# as a camera held upright stores it: turned left, to be turned right when it is shown
marked(80, 120).transpose(Image.Transpose.ROTATE_90).save("turned.heic", quality=60, exif=exif(6).tobytes())
Image.new("RGB", (60, 40), (200, 60, 60)).save("p3.heic", quality=90, icc_profile=open(sys.argv[1], "rb").read())
marked(4032, 3024).save("photo.heic", quality=30)
marked(8064, 6048).save("large.heic", quality=30)
marked(8704, 6144).save("too-large.heic", quality=30)
