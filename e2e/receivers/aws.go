package receivers

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// An AWS is moto's server from PyPI: it speaks the protocols of AWS and keeps what it is given in memory, so it cannot be
// stopped and started again. It takes every credential.
type AWS struct {
	server *Server
	python string // the folder of its programs
}

// NewAWS prepares a server.
func NewAWS(t *testing.T) *AWS {
	t.Helper()
	return &AWS{server: NewServer(t), python: Python(t, "moto[server]==5.1.4", "boto3")}
}

// Start starts it, once.
func (a *AWS) Start(t *testing.T) {
	t.Helper()
	a.server.Launch(t, nil, filepath.Join(a.python, "moto_server"), "-H", "127.0.0.1", "-p", fmt.Sprint(a.server.Port))
}

// Address is where it listens; every service has the same endpoint, http://ADDRESS.
func (a *AWS) Address() string { return a.server.Address() }

// SpeaksHTTP says that it does.
func (a *AWS) SpeaksHTTP() {}

// Environment is what a client needs to be let in, and to be led there.
func (a *AWS) Environment() []string {
	return []string{
		"AWS_ENDPOINT_URL=http://" + a.Address(), "AWS_ACCESS_KEY_ID=ann", "AWS_SECRET_ACCESS_KEY=correct-horse-battery",
		"AWS_DEFAULT_REGION=eu-central-1", "AWS_REGION=eu-central-1", "AWS_EC2_METADATA_DISABLED=true", "NO_PROXY=127.0.0.1",
	}
}

// Ask runs a script that finds `boto3` and `json` imported, and returns what it prints.
func (a *AWS) Ask(t *testing.T, script string) string {
	t.Helper()
	command := exec.Command(filepath.Join(a.python, "python"), "-c", "import boto3, json\n"+script)
	command.Env = append(os.Environ(), a.Environment()...)
	said, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, script, said)
	}
	return string(said)
}
