package receivers

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"tidings/e2e/cluster"
)

// Debian makes sure that the cache has the files of a package and of what it needs beyond this machine, and returns the
// folder that stands for `/`. Nothing is installed: no service starts, and no root is needed.
func Debian(t *testing.T, pkg string) string {
	t.Helper()
	return cached(t, "debian-"+pkg, func(dir string) error {
		uris, err := output("apt-get", "install", "--print-uris", "-y", "-qq", "--no-install-recommends", pkg)
		if err != nil {
			return err
		}
		var names []string
		for line := range strings.Lines(uris) {
			// 'http://…/pool/r/redis/redis-tools_5%3a7.0.15_amd64.deb' redis-tools_5%3a7.0.15_amd64.deb 989140 MD5Sum:…
			if words := strings.Fields(line); len(words) > 1 && strings.HasSuffix(words[1], ".deb") {
				name, _, _ := strings.Cut(words[1], "_")
				names = append(names, name)
			}
		}
		if len(names) == 0 {
			// It is installed, with all that it needs.
			names = []string{pkg}
		}
		download := exec.Command("apt-get", append([]string{"download", "-qq"}, names...)...)
		download.Dir = dir
		if said, err := download.CombinedOutput(); err != nil {
			return fmt.Errorf("apt-get download %s: %w (`apt-get update` may help)\n%s", names, err, said)
		}
		archives, _ := filepath.Glob(filepath.Join(dir, "*.deb"))
		for _, archive := range archives {
			if _, err := output("dpkg", "-x", archive, dir); err != nil {
				return err
			}
			if err := os.Remove(archive); err != nil {
				return err
			}
		}
		return nil
	})
}

// libraries is the environment in which programs of such a folder find theirs.
func libraries(root string) string {
	folders, _ := filepath.Glob(filepath.Join(root, "usr", "lib", "*-linux-gnu*"))
	more, _ := filepath.Glob(filepath.Join(root, "lib", "*-linux-gnu*"))
	return "LD_LIBRARY_PATH=" + strings.Join(append(folders, more...), ":")
}

// Python makes sure that the cache has a virtual environment with these packages, and returns the folder of its programs.
func Python(t *testing.T, packages ...string) string {
	t.Helper()
	name := "python-" + strings.NewReplacer("=", "", "[", "-", "]", "").Replace(strings.Join(packages, "-"))
	root := cached(t, name, func(dir string) error {
		if _, err := output("python3", "-m", "venv", dir); err != nil {
			return err
		}
		_, err := output(filepath.Join(dir, "bin", "python"), append([]string{"-m", "pip", "install", "--quiet"}, packages...)...)
		return err
	})
	return filepath.Join(root, "bin")
}

// Maven makes sure that the cache has the libraries of a `pom.xml` beside this file, and returns their folder.
func Maven(t *testing.T, name string) string {
	t.Helper()
	pom, err := filepath.Abs(filepath.Join(name, "pom.xml"))
	must(t, err)
	return cached(t, "maven-"+name, func(dir string) error {
		_, err := output("mvn", "--quiet", "--batch-mode", "--file", pom, "dependency:copy-dependencies", "-DoutputDirectory="+dir)
		return err
	})
}

// Go makes sure that the cache has the program of a module of its own beside this file, and returns its path. It has its own
// `go.mod`, because what it needs would not fit with the rest.
func Go(t *testing.T, name string) string {
	t.Helper()
	dir := cached(t, "go-"+name, func(dir string) error {
		build := exec.Command("go", "build", "-trimpath", "-o", filepath.Join(dir, name), ".")
		build.Dir = name
		build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "GOFLAGS=-mod=readonly -buildvcs=false")
		if said, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("go build in %s: %w\n%s", name, err, said)
		}
		return nil
	})
	return filepath.Join(dir, name)
}

// cached makes a folder of the cache, once for all tests and runs; a lock makes a second caller wait for the first. What
// a module or a `pom.xml` of this folder says is part of the name.
func cached(t *testing.T, name string, fill func(dir string) error) string {
	t.Helper()
	cache, err := cluster.CacheDir()
	must(t, err)
	base := filepath.Join(cache, "receivers")
	must(t, os.MkdirAll(base, 0o755))
	_, source, _ := strings.Cut(name, "-")
	stamp, err := checksum(source)
	must(t, err)
	dir := filepath.Join(base, name+stamp)
	lock, err := os.OpenFile(dir+".lock", os.O_CREATE|os.O_RDWR, 0o644)
	must(t, err)
	defer lock.Close()
	must(t, syscall.Flock(int(lock.Fd()), syscall.LOCK_EX))
	if _, err := os.Stat(filepath.Join(dir, ".complete")); err == nil {
		return dir
	}
	t.Logf("installing %s into %s", name, dir)
	must(t, os.RemoveAll(dir))
	must(t, os.MkdirAll(dir, 0o755))
	if err := fill(dir); err != nil {
		t.Fatalf("install %s: %v", name, err)
	}
	must(t, os.WriteFile(filepath.Join(dir, ".complete"), nil, 0o644))
	return dir
}

func output(program string, args ...string) (string, error) {
	var out, said bytes.Buffer
	command := exec.Command(program, args...)
	command.Stdout, command.Stderr = &out, &said
	if err := command.Run(); err != nil {
		return "", fmt.Errorf("%s %s: %w\n%s%s", program, strings.Join(args, " "), err, said.String(), tail(out.String(), 20))
	}
	return out.String(), nil
}

// checksum is a short name for what stands in a folder beside this file; nothing where there is none.
func checksum(folder string) (string, error) {
	sum := sha256.New()
	found := false
	err := filepath.WalkDir(folder, func(path string, entry os.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && path == folder {
			return nil
		}
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		fmt.Fprintf(sum, "%s %d\n%s", path, len(text), text)
		found = true
		return err
	})
	if err != nil || !found {
		return "", err
	}
	return fmt.Sprintf("-%.12x", sum.Sum(nil)), nil
}
