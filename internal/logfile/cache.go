package logfile

// cache keeps the newest entries of the log, up to a number of bytes. Its entries are consecutive.
type cache struct {
	maxBytes int64
	bytes    int64
	entries  []Entry
	head     int // entries[:head] are dropped
}

// entryOverhead is what an entry takes besides its data, about.
const entryOverhead = 64

func (c *cache) len() int { return len(c.entries) - c.head }

// first returns the index of the oldest entry. There must be one.
func (c *cache) first() uint64 { return c.entries[c.head].Index }

// has reports whether entry i is here.
func (c *cache) has(i uint64) bool {
	return c.len() > 0 && c.first() <= i && i < c.first()+uint64(c.len())
}

// from returns the entries from i on, which must be here, until the cache changes.
func (c *cache) from(i uint64) []Entry { return c.entries[c.head+int(i-c.first()):] }

// add puts e at the end, replacing the suffix that begins with its index. There must be no gap.
func (c *cache) add(e Entry) {
	c.truncate(e.Index)
	c.entries = append(c.entries, e)
	c.bytes += int64(len(e.Data)) + entryOverhead
	for c.bytes > c.maxBytes && c.len() > 0 {
		c.drop()
	}
	if c.head > 64 && c.head > len(c.entries)/2 {
		n := copy(c.entries, c.entries[c.head:])
		clear(c.entries[n:])
		c.entries, c.head = c.entries[:n], 0
	}
}

// truncate drops entry from and all after it.
func (c *cache) truncate(from uint64) {
	if c.len() == 0 {
		return
	}
	if from < c.first() {
		c.clear()
		return
	}
	keep := c.head + int(from-c.first())
	for i := keep; i < len(c.entries); i++ {
		c.bytes -= int64(len(c.entries[i].Data)) + entryOverhead
	}
	clear(c.entries[keep:])
	c.entries = c.entries[:keep]
}

// trim drops every entry up to i.
func (c *cache) trim(i uint64) {
	for c.len() > 0 && c.first() <= i {
		c.drop()
	}
}

func (c *cache) drop() {
	e := &c.entries[c.head]
	c.bytes -= int64(len(e.Data)) + entryOverhead
	*e = Entry{}
	c.head++
	if c.head == len(c.entries) {
		c.entries, c.head = c.entries[:0], 0
	}
}

func (c *cache) clear() {
	clear(c.entries)
	c.entries, c.head, c.bytes = c.entries[:0], 0, 0
}
