"""Asks a mongod which random geometries lie within or meet which, and how it refuses mistaken ones; prints geo.json of this folder.

usage: record_geo.py mongodb://127.0.0.1:27017/?directConnection=true > geo.json
"""
import json, math, random, sys
from bson import json_util
import pymongo

R = random.Random(7)
db = pymongo.MongoClient(sys.argv[1]).geo_record

def point(span=10):
    if R.random() < 0.4:
        return [R.randint(-span, span), R.randint(-span, span)]
    return [round(R.uniform(-span, span), 2), round(R.uniform(-span, span), 2)]

def ring(center, radius, n, whole=False):
    out = []
    for a in sorted(R.sample(range(24), n)):
        out.append([round(center[0] + radius * math.cos(a * math.pi / 12), 3), round(center[1] + radius * math.sin(a * math.pi / 12), 3)])
    if R.random() < 0.5:
        out.reverse()
    return out + [out[0]]

def polygon():
    c = point()
    r = R.choice([1, 3, 6])
    rings = [ring(c, r, R.randint(5, 9))]
    if R.random() < 0.3:
        rings.append([[c[0], c[1]], [c[0] + r / 20, c[1]], [c[0], c[1] + r / 20], [c[0], c[1]]])
    return rings

def box():
    x, y = R.randint(-10, 6), R.randint(-10, 6)
    w, h = R.randint(1, 8), R.randint(1, 8)
    b = [[x, y], [x + w, y], [x + w, y + h], [x, y + h], [x, y]]
    return [b if R.random() < 0.5 else b[::-1]]

def line():
    return [point() for _ in range(R.randint(2, 4))]

def simple():
    k = R.randrange(8)
    if k < 2: return {"type": "Point", "coordinates": point()}
    if k == 2: return {"type": "LineString", "coordinates": line()}
    if k == 3: return {"type": "Polygon", "coordinates": polygon()}
    if k == 4: return {"type": "Polygon", "coordinates": box()}
    if k == 5: return {"type": "MultiPoint", "coordinates": [point() for _ in range(R.randint(1, 3))]}
    if k == 6: return {"type": "MultiLineString", "coordinates": [line() for _ in range(R.randint(1, 2))]}
    x = R.randint(-10, 0)
    return {"type": "MultiPolygon", "coordinates": [[ring([x, x], 2, 6)], [ring([x + 8, x], 2, 6)]]}

def geojson():
    if R.random() < 0.12:
        return {"type": "GeometryCollection", "geometries": [simple() for _ in range(R.randint(1, 3))]}
    return simple()

def stored():
    k = R.randrange(10)
    if k < 5: return geojson()
    p = point()
    return [p, {"lng": p[0], "lat": p[1]}, [point(), point()], p + [1], p][k - 5]

CRS = lambda name: {"type": "name", "properties": {"name": name}}
STRICT = CRS("urn:x-mongodb:crs:strictwinding:EPSG:4326")

def query():
    k = R.randrange(12)
    if k < 4: return {"$geoIntersects": {"$geometry": geojson()}}
    if k == 4: return {"$geoWithin": {"$geometry": {"type": "Polygon", "coordinates": polygon()}}}
    if k == 5: return {"$geoWithin": {"$geometry": {"type": "Polygon", "coordinates": box()}}}
    if k == 6: return {"$geoWithin": {"$geometry": {"type": "MultiPolygon", "coordinates": [polygon(), box()]}}}
    if k == 7: return {R.choice(["$geoWithin", "$within"]): {"$box": [point(), point()]}}
    if k == 8: return {"$geoWithin": {"$center": [point(), R.choice([1, 2.5, 5, 7])]}}
    if k == 9: return {"$geoWithin": {"$polygon": [point() for _ in range(R.randint(3, 6))]}}
    if k == 10: return {"$geoWithin": {"$centerSphere": [point(), R.choice([0.02, 0.05, 0.12])]}}
    p = polygon()[:1] if R.random() < 0.5 else box()
    return {R.choice(["$geoWithin", "$geoIntersects"]): {"$geometry": {"type": "Polygon", "coordinates": p, "crs": STRICT}}}

SQ = [[0, 0], [4, 0], [4, 4], [0, 4], [0, 0]]
POLY = {"type": "Polygon", "coordinates": [SQ]}
PT = {"type": "Point", "coordinates": [1, 1]}
BAD = [
    {}, {"type": "Point"}, {"type": "Point", "coordinates": []}, {"type": "Point", "coordinates": [1]}, {"type": "Point", "coordinates": [1, "a"]},
    {"type": "Point", "coordinates": [181, 0]}, {"type": "Point", "coordinates": [0, -91.5]}, {"type": "Point", "coordinates": "x"}, {"type": "Point", "coordinates": {"a": 1, "b": 2}},
    {"type": "Point", "coordinates": [1, 2, 3]}, {"type": 1, "coordinates": [1, 2]}, {"type": "point", "coordinates": [1, 2]}, {"coordinates": [1, 2]},
    {"type": "LineString"}, {"type": "LineString", "coordinates": [[0, 0]]}, {"type": "LineString", "coordinates": [[0, 0], [0, 0]]}, {"type": "LineString", "coordinates": [[0, 0], "a"]},
    {"type": "LineString", "coordinates": [1, 2]}, {"type": "LineString", "coordinates": [[0, 0], [180, 0]]}, {"type": "LineString", "coordinates": []}, {"type": "LineString", "coordinates": [[0, 0], [200, 0]]},
    {"type": "Polygon"}, {"type": "Polygon", "coordinates": []}, {"type": "Polygon", "coordinates": [[]]}, {"type": "Polygon", "coordinates": [1]}, {"type": "Polygon", "coordinates": [[0, 0], [1, 1]]},
    {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [0, 0]]]}, {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [1, 0]]]}, {"type": "Polygon", "coordinates": [[[0, 0], [4, 4], [4, 0], [0, 4], [0, 0]]]},
    {"type": "Polygon", "coordinates": [SQ, [[1, 1], [9, 1], [9, 2], [1, 1]]]}, {"type": "Polygon", "coordinates": [SQ, [[8, 8], [9, 8], [9, 9], [8, 8]]]},
    {"type": "Polygon", "coordinates": [[[0, 0], [4, 0], [2, 2], [4, 4], [2, 2], [0, 4], [0, 0]]]}, {"type": "Polygon", "coordinates": [[[0, 0]]]}, {"type": "Polygon", "coordinates": [[[0, 0], [0, 0], [0, 0], [0, 0]]]},
    {"type": "Polygon", "coordinates": [SQ, SQ]}, {"type": "Polygon", "coordinates": [SQ, [[0, 0], [1, 1], [0, 2], [0, 0]]]},
    {"type": "MultiPoint"}, {"type": "MultiPoint", "coordinates": []}, {"type": "MultiPoint", "coordinates": [1, 2]}, {"type": "MultiPoint", "coordinates": 1},
    {"type": "MultiLineString"}, {"type": "MultiLineString", "coordinates": []}, {"type": "MultiLineString", "coordinates": [1]}, {"type": "MultiLineString", "coordinates": [[[0, 0]]]},
    {"type": "MultiPolygon"}, {"type": "MultiPolygon", "coordinates": []}, {"type": "MultiPolygon", "coordinates": [1]}, {"type": "MultiPolygon", "coordinates": [[SQ[:3]]]},
    {"type": "GeometryCollection"}, {"type": "GeometryCollection", "geometries": []}, {"type": "GeometryCollection", "geometries": [1]}, {"type": "GeometryCollection", "geometries": 3},
    {"type": "GeometryCollection", "geometries": [{"type": "GeometryCollection", "geometries": [PT]}]}, {"type": "GeometryCollection", "geometries": [{"type": "Foo"}]},
    {"type": "GeometryCollection", "geometries": [{"type": "Point", "coordinates": [1, 300]}]}, {"type": "GeometryCollection", "geometries": [{"type": "Point"}]},
    dict(PT, crs=1), dict(PT, crs={}), dict(PT, crs={"type": "x"}), dict(PT, crs={"type": "name"}), dict(PT, crs={"type": "name", "properties": {}}), dict(PT, crs=CRS("foo")), dict(PT, crs=CRS("EPSG:4326")),
    dict(PT, crs=CRS("urn:ogc:def:crs:OGC:1.3:CRS84")), dict(PT, crs=STRICT), dict(POLY, crs=CRS("EPSG:4326")), dict(POLY, crs=STRICT), {"type": "LineString", "coordinates": [[0, 0], [1, 1]], "crs": STRICT},
    {"type": "MultiPolygon", "coordinates": [[SQ]], "crs": STRICT}, {"type": "Polygon", "coordinates": [SQ, [[1, 1], [2, 1], [2, 2], [1, 1]]], "crs": STRICT},
    [1, 2], {"x": 1, "y": 2}, 7,
]
ODD = []
for g in BAD:
    for op in ["$geoIntersects", "$geoWithin"]:
        ODD.append({op: {"$geometry": g}})
for op in ["$geoWithin", "$within", "$geoIntersects"]:
    ODD += [{op: 1}, {op: {}}, {op: []}, {op: {"$foo": 1}}, {op: {"$geometry": POLY, "$foo": 1}}, {op: {"$geometry": POLY, "$box": [[0, 0], [1, 1]]}}, {op: POLY}, {op: {"$geometry": 1}}, {op: {"$geometry": POLY, "$maxDistance": 1}}]
for v in [1, "a", [], [1], [[0, 0]], [[0, 0], 1], [[0, 0], [1]], [[0, 0], ["a", 1]], [[0, 0], [1, 1], [2, 2]], {"a": [0, 0], "b": [1, 1]}, [[0, 0], [0, 0]], {}, [{"x": 0, "y": 0}, {"x": 3, "y": 3}]]:
    ODD += [{"$geoWithin": {"$box": v}}, {"$geoWithin": {"$polygon": v}}]
for v in [1, "a", [], [1], [[0, 0]], [[0, 0], "a"], [[0, 0], -1], [1, 1], [[0], 1], [["a", 1], 1], [[0, 0], 1, 2], {"a": [0, 0], "b": 1}, [[200, 0], 1], [[0, 100], 0.1], [[0, 0], 0], [[0, 0], float("nan")], [[0, 0], float("inf")], [[0, 0], 4]]:
    ODD += [{"$geoWithin": {"$center": v}}, {"$geoWithin": {"$centerSphere": v}}]
ODD += [{"$geoWithin": {"$box": [[0, 0], [3, 3]], "$uniqueDocs": True}}, {"$geoWithin": {"$uniqueDocs": True, "$box": [[0, 0], [3, 3]]}}, {"$geoWithin": {"$box": [[0, 0], [3, 3]], "$center": [[9, 9], 1]}}]

STORED_ODD = [None, 1, "a", [], {}, [1], [1, "a"], {"x": 1}, [[1, 1]], [[1, 1], [50, 50]], [[50, 50], [1, 1]], {"type": "Foo", "coordinates": [1, 1]}, {"type": "Point", "coordinates": [200, 1]}, {"coordinates": [1, 1]},
              {"a": {"x": 1, "y": 1}}, [{"type": "Point", "coordinates": [1, 1]}], [PT, {"type": "Point", "coordinates": [50, 50]}], {"x": 1, "y": 1, "z": "a"}, {"type": 1, "coordinates": 2}, [1, 1, 1, 1], dict(POLY, crs=STRICT), [500, 1]]
docs = STORED_ODD + [stored() for _ in range(140)]
coll = db.places
coll.drop()
coll.insert_many([{"_id": i, "at": v} for i, v in enumerate(docs)])

out = []
for q in ODD + [query() for _ in range(300)]:
    row = {"filter": {"at": q}}
    try:
        row["found"] = [d["_id"] for d in coll.find({"at": q}, {"_id": 1}).sort("_id", 1)]
    except pymongo.errors.OperationFailure as e:
        row["code"], row["errmsg"] = e.code, e.details["errmsg"]
    out.append(row)
line = lambda v: json_util.dumps(v, json_options=json_util.CANONICAL_JSON_OPTIONS)
print('{"documents": [\n' + ",\n".join(line({"at": d}) for d in docs) + '\n],\n"queries": [\n' + ",\n".join(line(r) for r in out) + "\n]}")
