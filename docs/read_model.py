"""Reads a model file of neuropil with NumPy alone: python read_model.py model.safetensors"""

import json, re, sys, zlib
import numpy as np


def read(path):
    """The architecture, and the arrays by their names."""
    data = open(path, "rb").read()
    end = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:end])
    about = header.pop("__metadata__")
    at = re.search(rb'"checksum"\s*:\s*"', data[:end]).end()
    assert zlib.crc32(data[:at] + data[at + 8 :]) == int(about["checksum"], 16), "the file is damaged"
    arrays = {}
    for name, entry in header.items():
        begin, stop = (end + offset for offset in entry["data_offsets"])
        numbers = np.frombuffer(data[begin:stop], entry["dtype"].replace("F32", "<f4").replace("F64", "<f8"))
        arrays[name] = numbers.reshape(entry["shape"])
    return json.loads(about["architecture"]), arrays


if __name__ == "__main__":
    print(*read(sys.argv[1]))
