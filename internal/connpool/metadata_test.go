package connpool

import (
	"runtime"
	"strings"
	"testing"

	"github.com/mortondb/morton/internal/document"
)

// environment returns a function like os.Getenv.
func environment(variables map[string]string) func(string) string {
	return func(name string) string { return variables[name] }
}

var someone = Metadata{AppName: "app", Driver: "morton", Version: "1.2.3"}

// TestMetadataSaysWhereTheProgramRuns holds the cases of the specification's prose tests 1 to 9, and containers.
func TestMetadataSaysWhereTheProgramRuns(t *testing.T) {
	aws := map[string]string{"AWS_EXECUTION_ENV": "AWS_Lambda_java8", "AWS_REGION": "us-east-2", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1024"}
	with := func(m map[string]string, name, value string) map[string]string {
		c := map[string]string{name: value}
		for k, v := range m {
			if k != name {
				c[k] = v
			}
		}
		return c
	}
	tests := []struct {
		name      string
		variables map[string]string
		docker    bool
		want      string // env; "" if there is none
	}{
		{"nothing", nil, false, ""},
		{"AWS", aws, false, `{"name":"aws.lambda","memory_mb":1024,"region":"us-east-2"}`},
		{"Azure", map[string]string{"FUNCTIONS_WORKER_RUNTIME": "node"}, false, `{"name":"azure.func"}`},
		{"GCP", map[string]string{"K_SERVICE": "servicename", "FUNCTION_MEMORY_MB": "1024", "FUNCTION_TIMEOUT_SEC": "60", "FUNCTION_REGION": "us-central1"}, false,
			`{"name":"gcp.func","memory_mb":1024,"timeout_sec":60,"region":"us-central1"}`},
		{"Vercel", map[string]string{"VERCEL": "1", "VERCEL_REGION": "cdg1"}, false, `{"name":"vercel","region":"cdg1"}`},
		{"several", with(aws, "FUNCTIONS_WORKER_RUNTIME", "node"), false, ""},
		{"Vercel on AWS", with(with(aws, "VERCEL", "1"), "VERCEL_REGION", "cdg1"), false, `{"name":"vercel","region":"cdg1"}`},
		{"region too long", with(aws, "AWS_REGION", strings.Repeat("a", 512)), false, `{"name":"aws.lambda"}`},
		{"memory no number", with(aws, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "big"), false, `{"name":"aws.lambda","region":"us-east-2"}`},
		{"EC2", map[string]string{"AWS_EXECUTION_ENV": "EC2"}, false, ""},
		{"container", with(aws, "KUBERNETES_SERVICE_HOST", "1"), true,
			`{"name":"aws.lambda","memory_mb":1024,"region":"us-east-2","container":{"runtime":"docker","orchestrator":"kubernetes"}}`},
		{"container alone", nil, true, `{"container":{"runtime":"docker"}}`},
	}
	for _, tt := range tests {
		d, err := someone.document(environment(tt.variables), tt.docker)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		got := ""
		if env := d.Lookup("env"); !env.IsMissing() {
			got = env.Doc().String()
		}
		if got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
		if len(d) > metadataMax || document.Validate(d, 10) != nil {
			t.Errorf("%s: %d bytes, %v", tt.name, len(d), document.Validate(d, 10))
		}
	}
}

// TestMetadataFits shows what is left out when there is too much, in this order: env but its name, os but its type,
// env, the platform; and that names are never cut.
func TestMetadataFits(t *testing.T) {
	env := environment(map[string]string{"FUNCTION_NAME": "f", "FUNCTION_REGION": "somewhere"})
	fields := func(size int) string {
		m := someone
		m.Version = ""
		base := len(m.build(detail{}, env, false))
		m.Version = strings.Repeat("v", size-base)
		d, err := m.document(env, false)
		if err != nil {
			return "refused"
		}
		var names []string
		for _, path := range []string{"application.name", "driver.version", "os.type", "os.architecture", "platform", "env.name", "env.region"} {
			if !d.LookupPath(path).IsMissing() {
				names = append(names, path)
			}
		}
		return strings.Join(names, " ")
	}
	const names = "application.name driver.version os.type"
	platform := 1 + len("platform") + 1 + 4 + len(runtime.Version()) + 1
	architecture := 1 + len("architecture") + 1 + 4 + len(runtime.GOARCH) + 1
	envName := 1 + len("env") + 1 + 4 + 1 + len("name") + 1 + 4 + len("gcp.func") + 1 + 1
	region := 1 + len("region") + 1 + 4 + len("somewhere") + 1
	room := metadataMax
	for _, tt := range []struct {
		needs int
		want  string
	}{
		{platform + architecture + envName + region, names + " os.architecture platform env.name env.region"},
		{platform + architecture + envName, names + " os.architecture platform env.name"},
		{platform + envName, names + " platform env.name"},
		{platform, names + " platform"},
		{0, names},
	} {
		if got := fields(room - tt.needs); got != tt.want {
			t.Errorf("with room for %d bytes: got %s, want %s", tt.needs, got, tt.want)
		}
		if got := fields(room - tt.needs + 1); got == tt.want {
			t.Errorf("with room for %d bytes: got %s", tt.needs-1, got)
		}
	}
	if got := fields(metadataMax + 1); got != "refused" {
		t.Errorf("got %s", got)
	}
	if _, err := (Metadata{AppName: strings.Repeat("a", appNameMax+1)}).Document(); err == nil {
		t.Error("an application's name of 129 bytes is taken")
	}
}
