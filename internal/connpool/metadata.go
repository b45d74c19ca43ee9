package connpool

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"

	"github.com/mortondb/morton/internal/document"
)

// Limits of the server on what it is told about the program.
const (
	metadataMax = 512
	appNameMax  = 128
)

// Metadata is what a server is told about the program, for its logs (specification "MongoDB Handshake").
type Metadata struct {
	AppName  string
	Driver   string // name
	Version  string // of the driver
	Platform string // beside the Go version; may be empty
}

// Document returns the document for [Options.Client]. It includes what the environment says about where the program
// runs.
func (m Metadata) Document() (document.Doc, error) {
	_, err := os.Stat("/.dockerenv")
	return m.document(os.Getenv, err == nil)
}

// detail is how much is told. What does not fit is left out in the order that the specification wants.
type detail struct{ envFields, osFields, env, platform bool }

func (m Metadata) document(getenv func(string) string, docker bool) (document.Doc, error) {
	if len(m.AppName) > appNameMax {
		return nil, fmt.Errorf("the application's name has %d bytes; servers take %d", len(m.AppName), appNameMax)
	}
	for _, d := range []detail{{true, true, true, true}, {false, true, true, true}, {false, false, true, true}, {false, false, false, true}, {}} {
		if doc := m.build(d, getenv, docker); len(doc) <= metadataMax {
			return doc, nil
		}
	}
	return nil, fmt.Errorf("the names of driver and application have more than %d bytes", metadataMax)
}

func (m Metadata) build(d detail, getenv func(string) string, docker bool) document.Doc {
	var b document.Builder
	if m.AppName != "" {
		b.OpenDoc("application")
		b.AppendString("name", m.AppName)
		b.Close()
	}
	b.OpenDoc("driver")
	b.AppendString("name", m.Driver)
	b.AppendString("version", m.Version)
	b.Close()
	b.OpenDoc("os")
	b.AppendString("type", runtime.GOOS)
	if d.osFields {
		b.AppendString("architecture", runtime.GOARCH)
	}
	b.Close()
	if d.platform {
		platform := runtime.Version()
		if m.Platform != "" {
			platform += "|" + m.Platform
		}
		b.AppendString("platform", platform)
	}
	if d.env {
		appendEnv(&b, getenv, docker, d.envFields)
	}
	return b.Finish()
}

// function is a provider of functions as a service: how its environment is known, and what it says about itself.
type function struct {
	name                    string
	known                   func(getenv func(string) string) bool
	memory, region, timeout string // variables
}

func isSet(names ...string) func(func(string) string) bool {
	return func(getenv func(string) string) bool {
		for _, n := range names {
			if getenv(n) != "" {
				return true
			}
		}
		return false
	}
}

var functions = []function{
	{name: "vercel", known: isSet("VERCEL"), region: "VERCEL_REGION"},
	{name: "aws.lambda", memory: "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", region: "AWS_REGION", known: func(getenv func(string) string) bool {
		return strings.HasPrefix(getenv("AWS_EXECUTION_ENV"), "AWS_Lambda_") || getenv("AWS_LAMBDA_RUNTIME_API") != ""
	}},
	{name: "azure.func", known: isSet("FUNCTIONS_WORKER_RUNTIME")},
	{name: "gcp.func", known: isSet("K_SERVICE", "FUNCTION_NAME"), memory: "FUNCTION_MEMORY_MB", region: "FUNCTION_REGION", timeout: "FUNCTION_TIMEOUT_SEC"},
}

// provider returns the one provider whose environment this is; Vercel's, which runs on Amazon's, comes before that.
// Where several seem to be, none is.
func provider(getenv func(string) string) *function {
	var found []*function
	for i := range functions {
		if functions[i].known(getenv) {
			found = append(found, &functions[i])
		}
	}
	if len(found) == 1 || len(found) == 2 && found[0].name == "vercel" && found[1].name == "aws.lambda" {
		return found[0]
	}
	return nil
}

// InFunction reports whether the program runs as a function, whose process sleeps between two requests.
func InFunction() bool { return provider(os.Getenv) != nil }

func appendEnv(b *document.Builder, getenv func(string) string, docker, fields bool) {
	f := provider(getenv)
	kubernetes := getenv("KUBERNETES_SERVICE_HOST") != ""
	if f == nil && (!fields || !docker && !kubernetes) {
		return
	}
	b.OpenDoc("env")
	defer b.Close()
	if f != nil {
		b.AppendString("name", f.name)
	}
	if !fields {
		return
	}
	if f != nil {
		f.appendTo(b, getenv)
	}
	if docker || kubernetes {
		b.OpenDoc("container")
		if docker {
			b.AppendString("runtime", "docker")
		}
		if kubernetes {
			b.AppendString("orchestrator", "kubernetes")
		}
		b.Close()
	}
}

func (f *function) appendTo(b *document.Builder, getenv func(string) string) {
	number := func(key, variable string) {
		if variable == "" {
			return
		}
		if n, err := strconv.ParseInt(getenv(variable), 10, 32); err == nil {
			b.AppendInt32(key, int32(n))
		}
	}
	number("memory_mb", f.memory)
	number("timeout_sec", f.timeout)
	if f.region != "" {
		if region := getenv(f.region); region != "" {
			b.AppendString("region", region)
		}
	}
}
