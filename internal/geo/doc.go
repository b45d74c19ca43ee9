// Package geo is places and shapes: GeoJSON and legacy points, what lies within or meets what, how far it is, and the entries of their indexes.
//
// A [Geometry] is read from raw BSON, as documents and queries have it. On the sphere it is made of S2's points, lines and polygons; a
// single point keeps its coordinates, too, for shapes in the plane. A [Region] is what a query asks for; it tells what of it lies within it.
package geo
