// Package timeseries is time-series collections: how measurements are packed into buckets and read out of them, and what filters, updates and indexes on measurements mean to buckets.
//
// A time-series collection k is a collection system.buckets.k and a view k over it, as in mongod. A bucket has measurements of one meta value and of a bounded time:
//
//	{_id: an ObjectId that begins with the time, control: {version: 1, min: {...}, max: {...}}, meta: ..., data: {t: {"0": ..., "1": ...}, v: {"1": ...}}}
//
// Each field of the measurements is a column of data, whose keys are the numbers of the measurements that have it; control has the extremes of each column. The view unpacks
// buckets one after the other. Buckets of control.version 2, which mongod compresses when they are full, are not written and not read.
package timeseries
