package stack

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Checkout returns the root of the repository that the working folder is in.
func Checkout() (string, error) {
	folder, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("finding the working folder: %w", err)
	}
	for {
		module, err := os.ReadFile(filepath.Join(folder, "go.mod"))
		if err == nil && strings.HasPrefix(string(module), "module ecsguardrails\n") {
			return folder, nil
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("looking for the checkout: %w", err)
		}
		parent := filepath.Dir(folder)
		if parent == folder {
			return "", errors.New("not inside a checkout of ecs-guardrails (no go.mod of module ecsguardrails above the working folder)")
		}
		folder = parent
	}
}
