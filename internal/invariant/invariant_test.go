package invariant

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
)

func TestCheckPanicsWithAViolation(t *testing.T) {
	Check(true, "fine")
	defer func() {
		v, ok := recover().(*Violation)
		if !ok || v.Error() != "invariant violated: 7 is not 8" {
			t.Errorf("got %v", v)
		}
	}()
	Check(false, "%d is not %d", 7, 8)
}

func TestPointDoesWhatItIsArmedWith(t *testing.T) {
	if err := Point("a"); err != nil {
		t.Error(err)
	}
	mine := errors.New("mine")
	disarmA := Arm("a", func() error { return mine })
	disarmB := Arm("b", func() error { return nil })
	if err := Point("a"); err != mine {
		t.Errorf("got %v", err)
	}
	if err := Point("c"); err != nil {
		t.Error(err)
	}
	disarmA()
	if err := Point("a"); err != nil {
		t.Error(err)
	}
	disarmB()
	if points.Load() != nil {
		t.Error("points are left")
	}
}

func TestArmSpec(t *testing.T) {
	if err := ArmSpec("x=error@3, y=error"); err != nil {
		t.Fatal(err)
	}
	defer set("x", nil)
	defer set("y", nil)
	for n, want := range []error{nil, nil, ErrInjected, ErrInjected} {
		if err := Point("x"); err != want {
			t.Errorf("time %d: %v", n+1, err)
		}
	}
	if err := Point("y"); err != ErrInjected {
		t.Errorf("got %v", err)
	}
	for _, bad := range []string{"", "x", "x=", "=crash", "x=sleep", "x=crash@0", "x=crash@y"} {
		if err := ArmSpec(bad); err == nil || !strings.Contains(err.Error(), "fail point") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// TestCrashKills runs itself as another process, which dies at a point.
func TestCrashKills(t *testing.T) {
	const variable = "MORTON_TEST_CRASH"
	if os.Getenv(variable) != "" {
		if err := ArmSpec("here=crash"); err != nil {
			t.Fatal(err)
		}
		defer os.Stdout.WriteString("cleaned up")
		Point("here")
		os.Stdout.WriteString("survived")
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestCrashKills$")
	cmd.Env = append(os.Environ(), variable+"=1")
	out, err := cmd.CombinedOutput()
	if err == nil || strings.Contains(string(out), "survived") || strings.Contains(string(out), "cleaned up") {
		t.Errorf("%v: %s", err, out)
	}
}
