package toolchain

import (
	"context"
	"errors"
	"os"
	"syscall"
)

// Lock takes the advisory lock of a file, which it makes if there is none. The
// system drops it when this process ends, however it ends.
func Lock(ctx context.Context, path string) (release func(), err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	taken := make(chan error, 1)
	go func() { taken <- syscall.Flock(int(file.Fd()), syscall.LOCK_EX) }()
	select {
	case err := <-taken:
		if err != nil {
			return nil, errors.Join(err, file.Close())
		}
		return func() { _ = file.Close() }, nil
	case <-ctx.Done():
		// The goroutine ends when the other owner does; the file stays
		// open for it until this process ends.
		return nil, ctx.Err()
	}
}
