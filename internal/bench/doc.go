// Package bench is the benchmark: the same operations on two servers in turns, and a report of their ratios.
//
// Operations go over raw OP_MSG sockets, so that the load costs little of the machine that it shares with the servers. Each workload runs in slices that
// alternate between the servers (A B A B), and every figure is the median of its slices: what else the machine does meanwhile
// hits both alike. Only ratios within one run are worth comparing.
package bench
