package agentstart

import (
	"cmp"
	"errors"
	"hash/fnv"
	"os/exec"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"
)

// Agent is a real agent in its own surroundings.
type Agent struct{ *program }

// Start starts the program of cmd/agentstart with an agent.
func Start(path, agent, plugin string) (*Agent, error) {
	started, err := start(exec.Command(path, "-agent", agent, "-plugin", plugin))
	if err != nil {
		return nil, err
	}
	return &Agent{started}, nil
}

// Run starts the agent once.
func (a *Agent) Run(job Job) (Ending, error) {
	var ending Ending
	err := a.ask(job, &ending)
	return ending, err
}

// changesOthers are variables that change what others do: they share no
// start-up with others.
var changesOthers = map[string]bool{
	"ECS_EXTERNAL": true, "ECS_ENABLE_TASK_ENI": true, "ECS_CHECKPOINT": true, "ECS_DATADIR": true, "ECS_CLUSTER": true, "AWS_DEFAULT_REGION": true,
	"HTTP_PROXY": true, "http_proxy": true, "HTTPS_PROXY": true, "https_proxy": true, "NO_PROXY": true, "no_proxy": true, "REQUEST_METHOD": true,
	"AWS_EC2_METADATA_DISABLED": true, "AWS_ACCESS_KEY_ID": true, "AWS_SECRET_ACCESS_KEY": true, "AWS_ACCESS_KEY": true, "AWS_SECRET_KEY": true,
	"ECS_BACKEND_HOST": true, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": true, "AWS_USE_FIPS_ENDPOINT": true, "AWS_USE_DUALSTACK_ENDPOINT": true, "ECS_INSTANCE_IP_COMPATIBILITY": true,
	"DOCKER_HOST": true, "ECS_ENABLE_HIGH_DENSITY_ENI": true, "ECS_WARM_POOLS_CHECK": true, "AWS_PROFILE": true, "AWS_DEFAULT_PROFILE": true, "AWS_WEB_IDENTITY_TOKEN_FILE": true,
	"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": true, "AWS_CONTAINER_CREDENTIALS_FULL_URI": true, "AWS_EC2_METADATA_SERVICE_ENDPOINT": true, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE": true,
	"ECS_ENABLE_TASK_CPU_MEM_LIMIT": true, "ECS_CNI_PLUGINS_PATH": true, "AWS_CA_BUNDLE": true, "AWS_CONFIG_FILE": true, "AWS_SHARED_CREDENTIALS_FILE": true,
	"SSL_CERT_DIR": true, "SSL_CERT_FILE": true, "GOMEMLIMIT": true, "GOMAXPROCS": true, "AWS_MAX_ATTEMPTS": true, "AWS_DEFAULTS_MODE": true,
	"AWS_ENDPOINT_URL": true, "AWS_ENDPOINT_URL_ECS": true, "AWS_ENDPOINT_URL_EC2": true,
}

// Measure runs the cases and reports each ending, one after the other. Those
// that are expected to register run many together, as long as they are of
// different variables; where such a start-up fails, its cases run in halves. A
// variable gets limit start-ups of its own at most; what is left then is not
// reported. The agents work side by side: a start-up that fails spends most of
// its time in the pauses between retries.
func Measure(agents []*Agent, cases []Case, fails func(Case) bool, limit int, report func(Case, Ending)) error {
	var mu sync.Mutex
	singles := map[string]int{}
	single := func(agent *Agent, c Case) error {
		mu.Lock()
		singles[c.Name]++
		enough := singles[c.Name] > limit
		mu.Unlock()
		if enough {
			return nil
		}
		ending, err := agent.Run(c.Job())
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		report(c, ending)
		return nil
	}
	var together func(agent *Agent, cases []Case) error
	together = func(agent *Agent, cases []Case) error {
		if len(cases) == 1 {
			return single(agent, cases[0])
		}
		job := Job{Environment: ContainerEnvironment("ECS_CLUSTER=prod\n")}
		for _, c := range cases {
			job.Environment[c.Name] = c.Job().Environment[c.Name]
		}
		ending, err := agent.Run(job)
		switch {
		case err != nil:
			return err
		case !ending.Fails():
			mu.Lock()
			defer mu.Unlock()
			for _, c := range cases {
				report(c, ending)
			}
			return nil
		}
		return errors.Join(together(agent, cases[:len(cases)/2]), together(agent, cases[len(cases)/2:]))
	}
	rows := [][]Case{}
	alone := []Case{}
	row := map[string]int{}
	for _, c := range cases {
		if changesOthers[c.Name] || fails(c) {
			alone = append(alone, c)
			continue
		}
		if row[c.Name] == len(rows) {
			rows = append(rows, nil)
		}
		rows[row[c.Name]] = append(rows[row[c.Name]], c)
		row[c.Name]++
	}
	// Spread a limited run over all kinds of values.
	slices.SortStableFunc(alone, func(a, b Case) int { return cmp.Compare(spread(a), spread(b)) })
	for _, c := range alone {
		rows = append(rows, []Case{c})
	}
	work := make(chan []Case, len(rows))
	for _, cases := range rows {
		work <- cases
	}
	close(work)
	var group errgroup.Group
	for _, agent := range agents {
		group.Go(func() error {
			for cases := range work {
				if err := together(agent, cases); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}

// spread gives a case its place in an order that has nothing to do with its
// value.
func spread(c Case) uint32 {
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(c.Value + c.Name))
	return hash.Sum32()
}
