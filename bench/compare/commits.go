package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// tree is the git worktree of a commit.
type tree struct {
	dir, commit, subject string
}

// String returns the commit's short hash and its subject.
func (t *tree) String() string { return t.commit[:min(12, len(t.commit))] + " " + t.subject }

// checkOut makes a git worktree in dir, of a commit of the repository that contains the
// working directory.
func checkOut(ctx context.Context, commit, dir string) (*tree, error) {
	hash, err := output(exec.CommandContext(ctx, "git", "rev-parse", "--verify", "--quiet", "--end-of-options", commit+"^{commit}"))
	if err != nil {
		if _, outside := output(exec.CommandContext(ctx, "git", "rev-parse", "--git-dir")); outside != nil {
			return nil, outside
		}
		return nil, fmt.Errorf("%q is no commit of this repository, wanted a hash, a branch or a tag", commit)
	}
	subject, err := output(exec.CommandContext(ctx, "git", "log", "-1", "--format=%s", hash))
	if err != nil {
		return nil, err
	}
	t := &tree{dir, hash, subject}
	if _, err := output(exec.CommandContext(ctx, "git", "worktree", "add", "--quiet", "--detach", t.dir, hash)); err != nil {
		_ = t.remove(ctx) // git may have registered the worktree already
		return nil, err
	}
	return t, nil
}

// remove removes the worktree, even if ctx is cancelled.
func (t *tree) remove(ctx context.Context) error {
	_, err := output(exec.CommandContext(context.WithoutCancel(ctx), "git", "worktree", "remove", "--force", t.dir))
	return err
}

// build builds the benchmarks of a tree into file.
func build(ctx context.Context, t *tree, o options, file string) (*binary, error) {
	b := &binary{tree: t, dir: filepath.Join(t.dir, o.pkg), file: file, procs: o.procs}
	cmd := exec.CommandContext(ctx, "go", "test", "-c", "-o", b.file, o.pkg)
	cmd.Dir = t.dir
	if _, err := output(cmd); err != nil {
		return nil, fmt.Errorf("commit %s: %w", t, err)
	}
	if _, err := os.Stat(b.file); err != nil {
		return nil, fmt.Errorf("commit %s: package %s has no tests, wanted one with benchmarks", t, o.pkg)
	}
	return b, nil
}

// output runs a command and returns its standard output without the final line break.
// If the command fails, the error has the command and all of its output.
func output(cmd *exec.Cmd) (string, error) {
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		printed := strings.TrimSpace(string(out) + stderr.String())
		return "", fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, printed)
	}
	return strings.TrimSuffix(string(out), "\n"), nil
}
