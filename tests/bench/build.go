package main

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

// build compiles a Go function as make build does and returns the binary's path.
func build(ctx context.Context, module, of, into string) (string, error) {
	path := filepath.Join(into, filepath.Base(of))
	command := exec.CommandContext(ctx, "go", "build", "-tags=lambda.norpc", "-trimpath", "-ldflags=-s -w", "-o", path, of)
	command.Dir = module
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", of, err, output)
	}
	return path, nil
}

// zippedSize is how large a binary's zip is, in bytes, packed as sam packs it.
func zippedSize(path string) (int64, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return 0, fmt.Errorf("read the binary: %w", err)
	}
	var archive bytes.Buffer
	writer := zip.NewWriter(&archive)
	writer.RegisterCompressor(zip.Deflate, func(to io.Writer) (io.WriteCloser, error) {
		return flate.NewWriter(to, flate.DefaultCompression)
	})
	entry, err := writer.Create("bootstrap")
	if err == nil {
		_, err = entry.Write(content)
	}
	if err = errors.Join(err, writer.Close()); err != nil {
		return 0, fmt.Errorf("zip the binary: %w", err)
	}
	return int64(archive.Len()), nil
}
