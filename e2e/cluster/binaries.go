package cluster

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

// Version is the Kubernetes release that the binary is built from; binaries/go.mod pins it.
const Version = "v1.36.3"

var programs = []string{"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok"}

// CacheDir is where everything is kept that takes minutes to make, outside the clone.
func CacheDir() (string, error) {
	if dir := os.Getenv("TIDINGS_CACHE"); dir != "" {
		return filepath.Abs(dir)
	}
	home, err := os.UserHomeDir()
	return filepath.Join(home, ".cache", "tidings"), err
}

// Binaries builds the programs of a cluster unless the cache holds them, and returns their folder.
//
// They come from the Go module proxy only: no download of releases, no container image. A lock makes a second caller
// wait for the first instead of compiling the same million lines beside it.
func Binaries(ctx context.Context, progress io.Writer) (string, error) {
	source, err := sourceDir()
	if err != nil {
		return "", err
	}
	key, err := versionKey(source)
	if err != nil {
		return "", err
	}
	cache, err := CacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "cluster", key)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return "", err
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", err
	}
	binary := filepath.Join(dir, "kubernetes")
	if _, err := os.Stat(binary); err == nil {
		return dir, nil
	}

	started := time.Now()
	fmt.Fprintf(progress, "cluster: building etcd, Kubernetes %s and kwok into one binary (once; about 4 minutes on 2 cores)\n", Version)
	stamp := "k8s.io/component-base/version."
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", binary+".new",
		"-ldflags=-s -w -X "+stamp+"gitVersion="+Version+" -X "+stamp+"gitMajor=1 -X "+stamp+"gitMinor=36", ".")
	build.Dir = source
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "GOFLAGS=-mod=readonly -buildvcs=false")
	build.Stdout, build.Stderr = progress, progress
	done := make(chan struct{})
	go tick(progress, started, done)
	err = build.Run()
	close(done)
	if err != nil {
		return "", fmt.Errorf("build the cluster in %s: %w", source, err)
	}
	for _, program := range programs {
		link := filepath.Join(dir, program)
		if err := os.Symlink("kubernetes", link); err != nil && !errors.Is(err, os.ErrExist) {
			return "", err
		}
	}
	fmt.Fprintf(progress, "cluster: built in %s\n", time.Since(started).Round(time.Second))
	return dir, os.Rename(binary+".new", binary)
}

func tick(progress io.Writer, started time.Time, done <-chan struct{}) {
	ticker := time.NewTicker(30 * time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-done:
			return
		case <-ticker.C:
			fmt.Fprintf(progress, "cluster: still building after %s\n", time.Since(started).Round(time.Second))
		}
	}
}

// versionKey names what the binary depends on: the source, its dependencies, the compiler.
func versionKey(source string) (string, error) {
	hash := sha256.New()
	for _, name := range []string{"main.go", "go.mod", "go.sum"} {
		content, err := os.ReadFile(filepath.Join(source, name))
		if err != nil {
			return "", err
		}
		hash.Write(content)
	}
	fmt.Fprint(hash, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return fmt.Sprintf("%s-%x", Version, hash.Sum(nil)[:6]), nil
}

// sourceDir finds the nested module; tests and tools start somewhere below e2e.
func sourceDir() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for range 6 {
		for _, candidate := range []string{"cluster/binaries", "e2e/cluster/binaries"} {
			source := filepath.Join(dir, candidate)
			if _, err := os.Stat(filepath.Join(source, "main.go")); err == nil {
				return source, nil
			}
		}
		dir = filepath.Dir(dir)
	}
	return "", errors.New("cluster/binaries is not to be found: run this inside e2e")
}
