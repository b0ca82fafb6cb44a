"""Cut-outs from photographs with instance masks: COCO, PASCAL VOC and Open Images.

Each instance is packed with its photograph (`packed`), so that what is hashed is the original, and becomes a picture
with a soft edge when it is decoded (`soft_mask`).
"""
