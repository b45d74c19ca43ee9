package main

import (
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/mortondb/morton/internal/node"
)

// mongoVersion is the release of MongoDB that clients and tools are told.
const mongoVersion = "6.0.5"

// buildInfo is what the startup line and --version say, in mongod's form.
type buildInfo struct {
	Version     string      `json:"version"`
	Morton      string      `json:"morton"`
	GitVersion  string      `json:"gitVersion"`
	Go          string      `json:"goVersion"`
	Modules     []string    `json:"modules"`
	Allocator   string      `json:"allocator"`
	Environment environment `json:"environment"`
}

type environment struct {
	OS     string `json:"target_os"`
	Target string `json:"target_arch"`
}

func thisBuild() buildInfo {
	return buildInfo{
		Version: mongoVersion, Morton: node.Version, GitVersion: revision(), Go: runtime.Version(), Modules: []string{}, Allocator: "go",
		Environment: environment{OS: runtime.GOOS, Target: architecture()},
	}
}

// revision returns the commit that the program was built from.
func revision() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				return s.Value
			}
		}
	}
	return "unknown"
}

// architecture returns the machine's name as MongoDB spells it.
func architecture() string {
	switch runtime.GOARCH {
	case "amd64":
		return "x86_64"
	case "arm64":
		return "aarch64"
	}
	return runtime.GOARCH
}

// printServerVersion prints what mongod --version does: tools read the version from the first line.
func printServerVersion(w io.Writer) {
	text, err := json.MarshalIndent(thisBuild(), "", "    ")
	if err != nil {
		panic(err)
	}
	fmt.Fprintf(w, "db version v%s\nBuild Info: %s\n", mongoVersion, text)
}

func runVersion(i *invocation) int {
	if len(i.args) > 0 && (i.args[0] == "-h" || i.args[0] == "--help") {
		fmt.Fprintf(i.stdout, "Usage: %s\n\nPrints Morton's version and the release of MongoDB that it stands for.\n", i.program)
		return exitClean
	}
	if len(i.args) > 0 {
		fmt.Fprintf(i.stderr, "%s takes no arguments\n", i.program)
		return exitBadOptions
	}
	fmt.Fprintf(i.stdout, "morton %s (MongoDB %s), %s/%s, %s, revision %s\n", node.Version, mongoVersion, runtime.GOOS, runtime.GOARCH, runtime.Version(), revision())
	return exitClean
}
