package agentstart

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"syscall"
	"unsafe"
)

// marker is in the environment of the process that has its own namespaces.
const marker = "AGENTSTART_ENTERED"

// Command gives a command that runs this program again in namespaces of its
// own, where Enter then succeeds.
func Command(program string, args ...string) *exec.Cmd {
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), marker+"=yes")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	return cmd
}

// Entered says that this process was started by Command.
func Entered() bool { return os.Getenv(marker) != "" }

// Enter sets the network of this process up: the loopback device, with the
// address of the instance metadata service on it too.
func Enter() error {
	socket, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM, 0)
	if err != nil {
		return fmt.Errorf("open a socket: %w", err)
	}
	defer syscall.Close(socket)
	if err := setAddress(socket, "lo:1", net.IPv4(169, 254, 169, 254)); err != nil {
		return err
	}
	return setUp(socket, "lo")
}

// request is struct ifreq.
type request struct {
	name [syscall.IFNAMSIZ]byte
	data [24]byte
}

func setAddress(socket int, device string, address net.IP) error {
	var r request
	copy(r.name[:], device)
	r.data[0] = syscall.AF_INET
	copy(r.data[4:], address.To4())
	return ioctl(socket, syscall.SIOCSIFADDR, &r)
}

func setUp(socket int, device string) error {
	var r request
	copy(r.name[:], device)
	r.data[0] = syscall.IFF_UP | syscall.IFF_RUNNING&0xff
	return ioctl(socket, syscall.SIOCSIFFLAGS, &r)
}

func ioctl(socket int, operation uintptr, r *request) error {
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(socket), operation, uintptr(unsafe.Pointer(r))); errno != 0 {
		return fmt.Errorf("set the network up: %w", errno)
	}
	return nil
}
