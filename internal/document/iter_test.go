package document

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

const walked = `{"_id": 17, "k": 5, "g": 3, "count": {"$numberLong": "0"}, "name": "name 17", "u": 1, "tags": ["a", "b", "c"], "nested": {"x": 1.5, "y": null}, "eightlet": true,
	"ninelette": {"$oid": "0123456789abcdef01234567"}, "": {"$date": 1}, "aNameThatIsLongerThanSixteenBytes": {"$regularExpression": {"pattern": "a", "options": ""}}, "u": 12}`

// TestNextOfSkipsWhatNextWouldPassBy compares the two ways to walk, over a document and over the same with bytes of it changed.
func TestNextOfSkipsWhatNextWouldPassBy(t *testing.T) {
	whole, err := FromJSON(walked)
	if err != nil {
		t.Fatal(err)
	}
	names := []string{"u", "aNameThatIsLongerThanSixteenBytes", "", "nested", "eightlet", "none"}
	r := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		d := whole.Clone()
		for range r.IntN(4) {
			d[r.IntN(len(d))] = byte(r.Uint32())
		}
		a, b := d.Iter(), d.Iter()
		for {
			i := b.NextOf(names)
			found := -1
			for found < 0 && a.Next() {
				for n, name := range names {
					if a.Key() == name {
						found = n
					}
				}
			}
			if i != found || (a.Err() == nil) != (b.Err() == nil) {
				t.Fatalf("%x: Next finds name %d (%v), NextOf %d (%v)", []byte(d), found, a.Err(), i, b.Err())
			}
			if i < 0 {
				break
			}
			if a.Key() != b.Key() || a.Value().Type != b.Value().Type || !bytes.Equal(a.Value().Data, b.Value().Data) {
				t.Fatalf("%x: %s is %v, or %s is %v", []byte(d), a.Key(), a.Value(), b.Key(), b.Value())
			}
		}
	}
}

// BenchmarkNext passes by every field of a document, BenchmarkNextOf looks for the last.
func BenchmarkNext(b *testing.B) {
	d, err := FromJSON(walked)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		n := 0
		for it := d.Iter(); it.Next(); {
			n++
		}
		if n != 13 {
			b.Fatal(n)
		}
	}
}

func BenchmarkNextOf(b *testing.B) {
	d, err := FromJSON(walked)
	if err != nil {
		b.Fatal(err)
	}
	names := []string{"none"}
	for b.Loop() {
		if it := d.Iter(); it.NextOf(names) >= 0 {
			b.Fatal("found")
		}
	}
}
