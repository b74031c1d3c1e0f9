package stack

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Checkout returns the root of the repository that the working folder is in.
func Checkout() (string, error) {
	folder, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("finding the working folder: %w", err)
	}
	for {
		_, err := os.Stat(filepath.Join(folder, "template.yaml"))
		if err == nil {
			return folder, nil
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("looking for the checkout: %w", err)
		}
		parent := filepath.Dir(folder)
		if parent == folder {
			return "", errors.New("not inside a checkout of ecs-guardrails (no template.yaml in the working folder or above)")
		}
		folder = parent
	}
}
