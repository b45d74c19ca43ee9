package sdam

import "time"

// samplesMax is how many round trips the shortest is taken of (Server Monitoring, "Measuring RTT").
const samplesMax = 10

// An RTT is what is known of the time a hello takes to a server and back. The zero value is nothing, which is also what
// becomes of it when the server fails.
type RTT struct {
	Average time.Duration
	samples [samplesMax]time.Duration
	count   int
}

// Add returns the RTT with one more measurement: the average moves a fifth of the way to it (Server Selection, "Calculation
// of Average Round Trip Times").
func (r RTT) Add(sample time.Duration) RTT {
	if r.count == 0 {
		r.Average = sample
	} else {
		r.Average += (sample - r.Average) / 5
	}
	r.samples[r.count%samplesMax] = sample
	r.count++
	return r
}

// Min returns the shortest of the last ten measurements, and 0 while there are fewer than two.
func (r RTT) Min() time.Duration {
	if r.count < 2 {
		return 0
	}
	shortest := r.samples[0]
	for _, s := range r.samples[1:min(r.count, samplesMax)] {
		shortest = min(shortest, s)
	}
	return shortest
}
