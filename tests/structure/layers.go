package structure

// layer is a set of packages that don't import each other.
type layer struct {
	name     string
	packages []string
}

// layers are those of the shared packages, the lowest first: a package imports
// only what is below it. The functions are above all.
var layers = []layer{
	{"tools", []string{
		"shared/awsclient", "shared/awserror", "shared/console", "shared/escape", "shared/exitcode", "shared/function", "shared/lazyregexp", "shared/logarn", "shared/memory", "shared/optout",
		"shared/policydocument", "shared/racetest", "shared/registry/registrytest", "shared/secret", "shared/variablename", "shared/version", "shared/wildcard",
	}},
	{"what secrets look like", []string{"shared/secretshape"}},
	{"terms of the field", []string{
		"shared/awsclient/s3client", "shared/event", "shared/image", "shared/placeholder", "shared/policysimulation", "shared/readingtest", "shared/registry", "shared/registryauth",
		"shared/stopreason", "shared/storedfile", "shared/taskuse", "shared/trustpolicy",
	}},
	{"owners", []string{"shared/owner"}},
	{"findings", []string{"shared/finding"}},
	{"what is known of codes, and what is accepted", []string{"shared/catalogue", "shared/mute"}},
	{"what findings are made into, and what makes them", []string{
		"shared/configbucket", "shared/diagnostic", "shared/ecsconfig", "shared/environmentfile", "shared/finding/findingtest", "shared/metric",
		"shared/registry/acr", "shared/registry/artifactory", "shared/registry/cloudsmith", "shared/registry/dockerhub", "shared/registry/gitea", "shared/registry/gitlab", "shared/registry/harbor",
		"shared/registry/htpasswd", "shared/registry/lambda", "shared/registry/manual", "shared/registry/nexus", "shared/registry/quay", "shared/registry/scaleway",
		"shared/revision", "shared/settings", "shared/sweepreport",
	}},
	{"on top of these", []string{"shared/commandline", "shared/mutecommand", "shared/publish", "shared/registry/drivers", "shared/rotation/rotationtest", "shared/userdata"}},
	{"the way through every function", []string{"shared/pipeline", "shared/userdata/terraform"}},
	{"the functions' knowledge", []string{"shared/diagnosis", "shared/digest", "shared/instancerole", "shared/localfile", "shared/rotation", "shared/taskdef"}},
	{"knowledge on top of another function's", []string{"shared/configobject", "shared/taskfile"}},
	{"all of an account", []string{"shared/sweep"}},
	{"all of an account, from a shell", []string{"shared/scan"}},
}
