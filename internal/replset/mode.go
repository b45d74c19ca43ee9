package replset

import (
	"slices"
	"strconv"
	"strings"

	"github.com/mortondb/morton/internal/document"
)

// Mode is a write concern that the configuration gives a name to (settings.getLastErrorModes).
type Mode struct {
	Name string
	Tags TagCounts
}

// TagCounts demands that members with so many different values of a tag have a write, for each of several tags.
type TagCounts []TagCount

// TagCount is the demand about one tag.
type TagCount struct {
	Tag   string
	Count int64
}

// Mode returns the mode with a name, nil if there is none.
func (s *Settings) Mode(name string) *Mode {
	for i := range s.Modes {
		if s.Modes[i].Name == name {
			return &s.Modes[i]
		}
	}
	return nil
}

// parseModes reads getLastErrorModes. Whether there are the tags that they name is seen when the members are known.
func (s *Settings) parseModes(_ string, v document.Value) error {
	if v.IsMissing() {
		return nil
	}
	if v.Type != document.TypeDocument {
		return invalidf("Expected getLastErrorModes to be an Object, it actually had type %s", v.Type)
	}
	for it := v.Doc().Iter(); it.Next(); {
		name := strings.Clone(it.Key())
		switch {
		case s.Mode(name) != nil:
			return invalidf("Duplicate element in getLastErrorModes: %s: %s", name, it.Value().Shell())
		case it.Value().Type != document.TypeDocument:
			return invalidf("Expected getLastErrorModes.%s to be an Object, not %s", name, it.Value().Type)
		}
		mode := Mode{Name: name}
		for tags := it.Value().Doc().Iter(); tags.Next(); {
			n, ok := tags.Value().ToInt64()
			switch {
			case !ok:
				return invalidf("Expected getLastErrorModes.%s.%s to be a number, not %s", name, tags.Key(), tags.Value().Type)
			case n <= 0:
				return invalidf("Value of getLastErrorModes.%s.%s must be positive, but found %d", name, tags.Key(), n)
			}
			mode.Tags = append(mode.Tags, TagCount{strings.Clone(tags.Key()), n})
		}
		s.Modes = append(s.Modes, mode)
	}
	slices.SortStableFunc(s.Modes, func(a, b Mode) int { return strings.Compare(a.Name, b.Name) })
	return nil
}

// checkModes refuses modes that name a tag which no member has.
func (c *Config) checkModes() error {
	for _, m := range c.Settings.Modes {
		for _, t := range m.Tags {
			if !c.hasTag(t.Tag) {
				return invalidf("No replica set tag key %s in config", t.Tag)
			}
		}
	}
	return nil
}

func (t TagCounts) document() document.Doc {
	var b document.Builder
	for _, x := range t {
		appendInt(&b, x.Tag, x.Count)
	}
	return b.Finish()
}

// String returns the demands as mongod's messages print those that have no name.
func (t TagCounts) String() string {
	var parts []string
	for _, x := range t {
		parts = append(parts, `("`+x.Tag+`", `+strconv.FormatInt(x.Count, 10)+`)`)
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// Groups returns the members of c, by index, that have t's tag: those with the same value in one group.
func (t TagCount) Groups(c *Config) [][]int {
	var values []string
	var groups [][]int
	for i := range c.Members {
		v := c.Members[i].Tags.Lookup(t.Tag)
		if v.Type != document.TypeString {
			continue
		}
		k := slices.Index(values, v.Str())
		if k < 0 {
			k = len(values)
			values, groups = append(values, v.Str()), append(groups, nil)
		}
		groups[k] = append(groups[k], i)
	}
	return groups
}

// possible reports whether the members of c could ever satisfy t.
func (t TagCounts) possible(c *Config) bool {
	for _, x := range t {
		if int64(len(x.Groups(c))) < x.Count {
			return false
		}
	}
	return true
}
