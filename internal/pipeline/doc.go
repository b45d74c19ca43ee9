// Package pipeline is aggregation stages as iterators over documents.
//
// [Compile] turns the stages of a command into a [Pipeline]: every mistake that needs no document is found then. The filter, order and
// bounds at its front are not run here but told to who reads the collection ([Pipeline.Front]), so that indexes serve them. [Pipeline.Run]
// pulls documents through the remaining stages, one at a time; stages that must see all of them first ($sort, $group) hold them in memory
// up to a limit.
//
// A view is a pipeline in front of a command's own: compile the stages of both as one.
package pipeline
