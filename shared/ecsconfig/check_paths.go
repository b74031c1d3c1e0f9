package ecsconfig

import (
	"path"
	"strings"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
)

// pathUse says what the agent does with a path of its container, and what
// happens if nothing of the host is mounted there.
type pathUse struct {
	// writes says that the agent writes there, so that a read-only mount and
	// the image are as bad as no mount.
	writes bool
	// list says that the value is several paths separated by colons, of which one
	// is enough.
	list bool
	// imageIsFine says that files of the agent's image serve too.
	imageIsFine bool
	// isFile says that the start-up ends if there is a directory, which can be
	// opened and not be read.
	isFile bool
	// ending is how the start-up ends without the path, effect what happens.
	ending Ending
	effect string
	// fix is the instruction where no path of the container can be told.
	fix string
}

// checkPath applies the one rule for path variables: it must live where ecs-init
// mounts something, or where the agent's image has it.
func checkPath(_ *judge, v *Variable, value string) []problem {
	use := v.Path
	if use == nil {
		return nil
	}
	where := locate(value)
	if clean := path.Clean("/" + value); use.isFile && (isDirectory(clean) || where.mount != nil && where.mount.container == clean) {
		return one(problem{code: codePath, severity: Restarts.severity(), fact: v.is(value) + " is a directory in the agent's container, not a file.",
			effect: Restarts.sentence(), fix: use.fix})
	}
	if use.list {
		for entry := range strings.SplitSeq(value, ":") {
			if entryWhere := locate(entry); entryWhere.mount != nil || entryWhere.image {
				return nil
			}
		}
	}
	switch {
	case where.mount != nil && !(use.writes && where.mount.readOnly), use.imageIsFine && where.image:
		return nil
	}
	p := problem{code: codePath, severity: use.ending.severity(), effect: use.effect, fix: use.fix}
	shown := v.is(value)
	switch {
	case where.mount != nil:
		p.fact = shown + " is on a read-only mount in the agent's container."
	case !strings.HasPrefix(value, "/"):
		p.fact = shown + " is a relative path. It starts at / in the agent's container, where nothing of the host is mounted."
	default:
		p.fact = shown + " is a path in the agent's container, and ecs-init mounts nothing of the host there."
	}
	if inside := toContainer(value); inside != "" && inside != path.Clean("/"+value) {
		p.fact = shown + " is a path of the host, not of the agent's container."
		if directory := path.Dir(inside); isHarmless(directory) {
			p.fact = shown + " is a path of the host. In the agent's container that directory is " + directory + "."
		}
		p.value, p.sure = inside, true
	}
	return one(p)
}

// checkDataDirectory follows agent/data/client.go setup, which wants an
// existing directory, and agent/containermetadata/write_metadata_unix.go, which
// joins the path to ECS_HOST_DATA_DIR for mounts on the host.
func checkDataDirectory(j *judge, v *Variable, value string) []problem {
	clean := path.Clean("/" + value)
	fix := "Write " + v.Name + "=/data, or delete the line."
	if clean == "/data" {
		return nil
	}
	p := problem{code: codeState, fix: fix}
	where := locate(value)
	checkpoint := j.file.value("ECS_CHECKPOINT") == "" || j.enabled("ECS_CHECKPOINT")
	switch {
	case checkpoint && (where.mount == nil && !isDirectory(clean) || under(clean, "/data") || where.mount != nil && where.mount.readOnly):
		p.severity = Restarts.severity()
		p.fact = v.is(value) + " is a directory that doesn't exist in the agent's container, and the agent creates none."
		if where.host != "" {
			p.fact = v.is(value) + " must exist as " + where.onHost() + " on the host. Neither the agent nor ecs-init creates it."
		}
		p.effect = Restarts.sentence()
	default:
		p.severity = finding.Warning
		p.fact = v.is(value) + " is not /data, the only directory that fits the mounts of task containers."
		p.effect = "Containers don't see their metadata file, and tasks with FireLens don't start."
		if where.mount == nil {
			p.effect += " The state is lost with the agent's container."
		} else if checkpoint {
			p.effect += " The agent starts only if " + where.onHost() + " exists on the host."
		}
	}
	return one(p)
}

// checkHostDataDirectory is for the path of the host that, with ECS_DATADIR
// appended, is mounted into task containers.
func checkHostDataDirectory(_ *judge, v *Variable, value string) []problem {
	if clean := path.Clean(value); clean == "/var/lib/ecs" {
		return nil
	}
	return one(problem{code: codePath, severity: finding.Warning,
		fact:   v.is(value) + " is not /var/lib/ecs, the directory of the host that holds the agent's data.",
		effect: "Containers don't see their metadata file, and tasks with FireLens don't start.", fix: "Write " + v.Name + "=/var/lib/ecs, or delete the line.", value: "/var/lib/ecs"})
}

// checkPlugins is for the CNI plugins, which the agent runs at its start while
// task networking is on (agent/app/agent_unix.go verifyCNIPluginsCapabilities).
func checkPlugins(j *judge, v *Variable, value string) []problem {
	clean := path.Clean("/" + value)
	if clean == path.Clean(v.Default) {
		return nil
	}
	p := problem{code: codePath, severity: ExitsForGood.severity(), effect: ExitsForGood.sentence(), fix: "Delete the line: the agent's image has the plugins in " + v.Default + "."}
	where := locate(value)
	switch {
	case j.disabled("ECS_ENABLE_TASK_ENI") || j.enabled("ECS_EXTERNAL"):
		return nil // the plugins are not run
	case where.mount != nil:
		p.severity = finding.Warning
		p.fact = v.is(value) + " must hold the CNI plugins of this agent version, as " + where.onHost() + " on the host."
		p.effect = "Without them the agent exits for good (exit code 5)."
	default:
		p.fact = v.is(value) + " has no CNI plugins in the agent's container."
	}
	return one(p)
}

// checkCgroup is for the root of the cgroups, which ecs-init mounts under its
// own name.
func checkCgroup(_ *judge, v *Variable, value string) []problem {
	if path.Clean(value) == v.Default {
		return nil
	}
	return one(problem{code: codePath, severity: finding.Warning, fact: v.is(value) + " is not " + v.Default + ", where ecs-init mounts the cgroups.",
		effect: "Tasks with CPU or memory limits may not start.", fix: "Delete the line."})
}
