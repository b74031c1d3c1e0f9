// Package ecsconfig reads /etc/ecs/ecs.config as its real readers do and says
// what the agent makes of it until it has registered the instance. It is pure:
// no AWS, no network, no clock.
//
// One call judges a file that is the whole configuration:
//
//	findings := ecsconfig.Parse(content).Judge()
//
// The worst finding comes first; the same bytes always give the same findings,
// and a file that is fine gives none. An error means that the agent doesn't
// start, that the instance joins no cluster or the wrong one, that it can't
// pull, or that a secret is exposed; a warning, that something the author wrote
// is ignored or replaced; an info, that it works and is fragile. No finding
// shows a credential. [Codes] lists every code with cause and cure.
//
// Callers that need more than the verdict parse once:
//
//	file := ecsconfig.Parse(content)
//	file.Cluster()     // the cluster that the instance joins, and the line that says so
//	file.Registries()  // the credentials in ECS_ENGINE_AUTH_DATA, with their place in the file
//	file.Setting(name) // a variable with the value that its reader uses, its line or its default
//	file.Judge()
//	file.JudgePart()   // for a file to which user data may add lines
//	file.Corrections() // the lines whose right form is certain
//
// [Mask] gives the same bytes with every secret masked, for output that shows a
// line of the file.
//
// # The readers
//
// Two programs read the same file and disagree. ecs-init splits it at newlines
// and every line at its first '=', and hands the result to the agent's
// container (ecs-init/docker/docker.go getEnvVars); there are no comments, no
// quotes and no warnings. systemd reads it as EnvironmentFile= for ecs-init
// itself, with quotes, escapes and comments (systemd src/basic/env-file.c).
// Where the agent was installed by hand, docker run --env-file replaces both
// (docker/cli pkg/kvfile).
//
// # The start-up
//
// What a value does is judged up to the registration: the agent's newAgent,
// start and doStart, with ecs-init's mounts ([Ending], startup.go) and the AWS
// SDK that the agent is built with. tests/agentstart starts the real agent with
// some 50,000 values and holds the severities against how it ended.
//
// # A new variable
//
// A variable is one row of catalogue.go, with its own check where its
// type's check doesn't suffice. The rows follow aws/amazon-ecs-agent 1.105.1,
// systemd 252 (Amazon Linux 2023) and docker/cli 28. To move to another agent
// version, run make agent-facts VERSION=…, change the version above, and add
// what the package's test then prints. Windows has no ecs.config.
package ecsconfig
