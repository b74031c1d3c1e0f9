package instancerole

import (
	"strings"

	"github.com/ecs-guardrails/ecs-guardrails/shared/lazyregexp"

	"github.com/ecs-guardrails/ecs-guardrails/shared/secretshape"
	"github.com/ecs-guardrails/ecs-guardrails/shared/userdata"
)

// userData is what matters of an instance's user data. The text itself is kept
// nowhere: it may hold secrets.
type userData struct {
	// ecs: it sets up the agent or its configuration. That it speaks of either, as
	// in a comment, says nothing.
	ecs bool
	// cluster is the one that it configures, "" where none is named, or only when
	// the instance boots.
	cluster string
	// variables are the agent's that tell what the instance uses.
	variables map[string]string
	// secrets names the variables whose values are secrets.
	secrets []string
}

// clusterName is what a cluster can be called (CreateCluster in the ECS API
// Reference).
var clusterName = lazyregexp.New(`^[A-Za-z0-9_-]{1,255}$`)

// readUserData reads user data as DescribeInstanceAttribute gives it.
func readUserData(encoded string) userData {
	configuration := userdata.Read([]byte(encoded), userdata.Options{})
	read := userData{ecs: configuration.IsECSSetup(), variables: map[string]string{}}
	named := configuration.Cluster()
	if name := named.Text[strings.LastIndexByte(named.Text, '/')+1:]; named.Line > 0 && clusterName.MatchString(name) && secretshape.Find(name) == "" {
		read.cluster = name
	}
	for _, variable := range usageVariables {
		if setting, found := configuration.Lookup(variable); found {
			read.variables[variable] = setting.Value.Reveal()
		}
	}
	for _, found := range configuration.Secrets() {
		read.secrets = appendNew(read.secrets, found.Variable)
	}
	return read
}
