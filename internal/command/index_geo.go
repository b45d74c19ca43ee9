package command

import (
	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

// The options of indexes of places. mongod checks the types of all of them whatever the index is, and what they say only where it counts.

const sphereVersion = "2dsphereIndexVersion"

// sphereVersions is how many forms of entries there are in a 2dsphere index. The last is the one that an index gets.
const sphereVersions = 3

func numberOption(name string) func(document.Value) error {
	return func(v document.Value) error {
		if !v.IsNumber() {
			return mongoerr.New(mongoerr.TypeMismatch, "The field '%s' must be a number, but got %s", name, v.Type)
		}
		return nil
	}
}

// checkSphere checks the options of a 2dsphere index.
func checkSphere(given document.Doc) error {
	version := given.Lookup(sphereVersion)
	if !version.IsMissing() {
		if err := numberOption(sphereVersion)(version); err != nil {
			return inSpecification(given, err)
		}
	}
	for _, name := range []string{sphereVersion, "finestIndexedLevel", "coarsestIndexedLevel"} {
		v := given.Lookup(name)
		_, whole := v.AsInt64()
		switch {
		case v.IsMissing() || whole:
		case v.IsNumber():
			return mongoerr.New(mongoerr.BadValue, "Expected field \"%s\" to have a value exactly representable as a 64-bit integer, but found %s: %s", name, name, v.Shell())
		case v.Type == document.TypeBool:
			return mongoerr.New(mongoerr.TypeMismatch, "Expected field \"%s\" to have numeric type, but found %s", name, v.Type)
		default:
			return inSpecification(given, flagOption(name)(v))
		}
	}
	if n, _ := version.AsInt64(); !version.IsMissing() && (n < 1 || n > sphereVersions) {
		return inSpecification(withVersion(given), cannotCreate("unsupported geo index version { %s : %s: %s }, only versions: [1,2,3] are supported", sphereVersion, sphereVersion, version.Shell()))
	}
	return nil
}

// withSphereVersion adds the version of a 2dsphere index that says none.
func withSphereVersion(given document.Doc) document.Doc {
	sphere := false
	for it := given.Lookup("key").Doc().Iter(); it.Next(); {
		sphere = sphere || kindOf(it.Element()) == "2dsphere"
	}
	if !sphere || !given.Lookup(sphereVersion).IsMissing() {
		return given
	}
	var b document.Builder
	for it := given.Iter(); it.Next(); {
		b.AppendValue(it.Key(), it.Value())
	}
	b.AppendInt32(sphereVersion, sphereVersions)
	return b.Finish()
}

// appendWhole appends a number as a whole one.
func appendWhole(name string) func(*document.Builder, document.Doc, document.Value) error {
	return func(b *document.Builder, _ document.Doc, v document.Value) error {
		n, _ := v.ToInt64()
		b.AppendInt32(name, int32(max(min(n, 1<<31-1), -1<<31)))
		return nil
	}
}

func appendDouble(name string) func(*document.Builder, document.Doc, document.Value) error {
	return func(b *document.Builder, _ document.Doc, v document.Value) error {
		f, _ := v.AsFloat64()
		b.AppendDouble(name, f)
		return nil
	}
}
