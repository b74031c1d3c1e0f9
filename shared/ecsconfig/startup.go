package ecsconfig

import (
	"path"
	"strings"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
)

// Ending is how the agent's start-up ends with a value (agent/app/agent.go
// newAgent, start and doStart, ecs-init/engine/engine.go StartSupervised).
type Ending int

// The endings, the mildest first.
const (
	// Runs: the agent registers the instance, without what the value asked for.
	Runs Ending = iota
	// CutOff: the agent runs or retries, but cannot reach the AWS APIs.
	CutOff
	// Unregistered: ECS refuses the registration; the agent exits with code 5,
	// and nothing starts it again (RestartPreventExitStatus=5).
	Unregistered
	// ExitsForGood: the agent exits with code 5 before it registers.
	ExitsForGood
	// Restarts: the agent exits with code 1, and ecs-init starts it again after
	// at most 15 seconds, each time with the same result.
	Restarts
	// NotCreated: Docker refuses to create or start the agent's container, and
	// systemd starts ecs-init again.
	NotCreated
)

// severity is error where the instance does not join its cluster.
func (e Ending) severity() finding.Severity {
	if e == Runs {
		return finding.Warning
	}
	return finding.Error
}

// sentence says what the operator sees.
func (e Ending) sentence() string {
	switch e {
	case CutOff:
		return "The agent can't reach the AWS APIs, and the instance never joins."
	case Unregistered:
		return "ECS refuses the registration, and the agent exits for good (exit code 5)."
	case ExitsForGood:
		return "The agent exits for good (exit code 5)."
	case Restarts:
		return "The agent exits at start-up, and ecs-init restarts it endlessly."
	case NotCreated:
		return "Docker can't create the agent's container, and ecs-init retries endlessly."
	}
	return "The agent runs without the setting."
}

// mount is a directory or file that ecs-init binds into the agent's container.
type mount struct {
	host, container string
	readOnly        bool
}

// mounts are the binds of ecs-init/docker/docker.go getHostConfig and
// docker_config.go createHostConfig on an EC2 instance; tests/agentfacts holds
// them against the source.
var mounts = []mount{
	{"/var/run", "/var/run", false},
	{"/var/log/ecs", "/log", false},
	{"/var/lib/ecs/data", "/data", false},
	{"/etc/ecs", "/etc/ecs", false},
	{"/var/cache/ecs", "/var/cache/ecs", false},
	{"/sys/fs/cgroup", "/sys/fs/cgroup", false},
	{"/var/lib/ecs", "/var/lib/ecs", false},
	{"/var/log/ecs/exec", "/log/exec", false},
	{"/etc/pki", "/etc/pki", true}, // Amazon Linux 2 and 2023; /etc/ssl on Debian, Ubuntu and SUSE
	{"/run/docker/plugins", "/run/docker/plugins", true},
	{"/etc/docker/plugins", "/etc/docker/plugins", true},
	{"/usr/lib/docker/plugins", "/usr/lib/docker/plugins", true},
	{"/var/lib/ecs/deps", "/managed-agents", true},
	{"/var/lib/ecs/deps/execute-command/config", "/managed-agents/execute-command/config", false},
	{"/proc", "/host/proc", true},
	{"/usr/lib", "/usr/lib", true},
	{"/lib", "/lib", true},
	{"/usr/lib64", "/usr/lib64", true},
	{"/lib64", "/lib64", true},
	{"/sbin", "/host/sbin", true},
	{"/etc/alternatives", "/etc/alternatives", true},
	{"/usr/sbin", "/usr/sbin", true},
	{"/usr/bin/lsblk", "/usr/bin/lsblk", false},
	{"/usr/bin/nsenter", "/usr/bin/nsenter", false},
}

// inImage is what the agent's image brings along (its Dockerfile.release);
// files written there are lost with the container.
var inImage = []string{"/amazon-ecs-cni-plugins", "/images", "/agent", "/etc/ssl", "/tmp", "/proc", "/dev", "/sys"}

// place is where a path of the agent's container lives.
type place struct {
	// mount is the bind that the path is under, nil for none.
	mount *mount
	// host is the path on the host, "" where it has none.
	host string
	// image says that the path is in the agent's image.
	image bool
}

// onHost names the path on the host of a place under a mount, or the directory that it
// is in where it may not be shown.
func (p place) onHost() string {
	if isHarmless(p.host) {
		return p.host
	}
	return "a path below " + p.mount.host
}

// locate finds where a path of the agent's container lives: the one rule for
// every path variable. A relative path is under "/", the container's working
// directory.
func locate(value string) place {
	clean := path.Clean("/" + value)
	var best place
	for i := range mounts {
		m := &mounts[i]
		if !under(clean, m.container) || best.mount != nil && len(m.container) < len(best.mount.container) {
			continue
		}
		best = place{mount: m, host: path.Join(m.host, strings.TrimPrefix(clean, m.container))}
	}
	if best.mount == nil {
		for _, directory := range inImage {
			best.image = best.image || under(clean, directory)
		}
	}
	return best
}

// isDirectory says that a clean path is a directory of the agent's container
// whatever the host has: one of the image's, or one on the way to a mount.
func isDirectory(clean string) bool {
	for _, directory := range inImage {
		if under(directory, clean) && directory != "/agent" {
			return true
		}
	}
	for i := range mounts {
		if under(path.Dir(mounts[i].container), clean) {
			return true
		}
	}
	return clean == "/"
}

// under says that a clean path is a directory or something in it.
func under(clean, directory string) bool {
	return clean == directory || directory == "/" || strings.HasPrefix(clean, directory+"/")
}

// toContainer gives the path in the agent's container that shows a path of the
// host, "" where no mount does.
func toContainer(value string) string {
	clean := path.Clean("/" + value)
	best := ""
	longest := -1
	for _, m := range mounts {
		if under(clean, m.host) && len(m.host) > longest {
			longest = len(m.host)
			best = path.Join(m.container, strings.TrimPrefix(clean, m.host))
		}
	}
	return best
}
