package rotation

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/ecs-guardrails/ecs-guardrails/shared/ecsconfig"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/lazyregexp"
	"github.com/ecs-guardrails/ecs-guardrails/shared/storedfile"
)

// Refreshing says which container instances read a rendered ecs.config again.
type Refreshing string

// The words of the setting.
const (
	RefreshNone Refreshing = "no"
	// RefreshTagged takes those that carry InstanceTag.
	RefreshTagged Refreshing = "yes"
	// RefreshClusters takes all of the cluster that the file names.
	RefreshClusters Refreshing = "cluster"
)

// UnmarshalText refuses every other word.
func (r *Refreshing) UnmarshalText(text []byte) error {
	*r = Refreshing(text)
	if *r != RefreshNone && *r != RefreshTagged && *r != RefreshClusters {
		return fmt.Errorf("%q is neither no nor yes nor cluster", text)
	}
	return nil
}

// Pace is a number of instances or a share of them, as in "5" or "10%".
type Pace string

var pace = lazyregexp.New(`^(0|[1-9][0-9]{0,6}|(100|[1-9]?[0-9])%)$`)

// UnmarshalText refuses what Systems Manager would ("SendCommand", API reference).
func (p *Pace) UnmarshalText(text []byte) error {
	if !pace.MatchString(string(text)) {
		return fmt.Errorf("%q is neither a number of instances nor a share of them such as 10%%", text)
	}
	*p = Pace(text)
	return nil
}

// InstanceTag is the tag of the container instances that read an ecs.config, as
// s3://bucket/key: who wrote it there has agreed that the file is read again.
const InstanceTag = "ecs-guardrails:config-object"

const (
	// maxInstances is how many one command takes by their ids.
	maxInstances = 50
	// commandHistory is how long Systems Manager knows a command (30 days, "Command
	// history"), less a day.
	commandHistory = 29 * 24 * time.Hour
	// batch is in what time the commands of one fleet are sent: a run is shorter.
	batch = 5 * time.Minute
)

// refreshScript is run on instances with the variables folder and declared, and
// the files as its arguments.
//
//go:embed refresh.sh
var refreshScript string

// fleet are instances that get one command.
type fleet struct {
	// cluster is "" for the instances whose tag names the file.
	cluster string
	// files are what their ecs.config can be; of a tag's instances it is the one.
	files []storedfile.Place
	// written is when the last of those that carry the new credential was.
	written time.Time
}

func (f fleet) String() string {
	if f.cluster == "" {
		return f.files[0].String()
	}
	return "cluster/" + f.cluster
}

// comment stands on all commands of a fleet, in at most 100 characters.
func (f fleet) comment() string {
	sum := sha256.Sum256([]byte(f.String()))
	return "ECS Guardrails: read ecs.config again (" + hex.EncodeToString(sum[:6]) + ")"
}

// reach is what is known of a cluster's instances.
type reach struct {
	// missing says that there is no such cluster.
	missing bool
	// online are those that Systems Manager can run a shell script on; silent are
	// the others.
	online, silent []string
}

// sent is how a fleet's last commands ended.
type sent struct {
	id                string
	when              time.Time
	targets, failed   int
	running, complete bool
}

// fleets are the instances that are to have the new credential, by the files
// that carry it or will. Which cluster a file is for, the secret's owner says in
// its entry: a file's own word could send the instances of another team here.
func (r *Rotation) fleets(o Observation, target Target, both documents) (fleets []fleet, findings []finding.Finding) {
	if r.refreshing != RefreshTagged && r.refreshing != RefreshClusters {
		return nil, nil
	}
	clusters := map[string]*fleet{}
	for _, file := range o.Configs.Files {
		_, old, _ := rendered(file.Content, target.Registry, o.superseded(both), both.after.Credential)
		if !old && !carries(file.Content, target.Registry, both.after.Credential) {
			continue
		}
		entry, _ := entryOf(target.Configs, file.Place, r.configSuffixes)
		switch {
		case r.refreshing == RefreshTagged && !tagValue(file.String()), !scriptable(file.String()):
			findings = append(findings, configUntaggable.With(finding.Name("file", file.String())))
		case r.refreshing == RefreshTagged:
			fleets = append(fleets, fleet{files: []storedfile.Place{file.Place}, written: file.Modified()})
		case entry.Cluster == "":
			findings = append(findings, configWithoutCluster.With(finding.Name("file", file.String())))
		default:
			if named, _, ok := ecsconfig.Parse(file.Content).Cluster(); ok && named != entry.Cluster {
				findings = append(findings, configClusterDiffers.With(finding.Name("file", file.String()), finding.Name("cluster", entry.Cluster)))
			}
			if clusters[entry.Cluster] == nil {
				clusters[entry.Cluster] = &fleet{cluster: entry.Cluster}
			}
			if modified := file.Modified(); modified.After(clusters[entry.Cluster].written) {
				clusters[entry.Cluster].written = modified
			}
		}
	}
	// An instance is informed about every listed file of its cluster, so that it can say
	// which one it has.
	for _, file := range o.Configs.Files {
		entry, _ := entryOf(target.Configs, file.Place, r.configSuffixes)
		parsed := ecsconfig.Parse(file.Content)
		if member := clusters[entry.Cluster]; member != nil && len(parsed.Registries().Registries) > 0 && scriptable(file.String()) {
			member.files = append(member.files, file.Place)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(clusters)) {
		fleets = append(fleets, *clusters[name])
	}
	return fleets, findings
}

// clustersOfFiles are the clusters whose instances may hold the credential before,
// because nothing tells them to read their file again: by their entry, or by the
// name in the file.
func (r *Rotation) clustersOfFiles(o Observation, target Target, both documents) []string {
	var clusters []string
	for cluster := range r.writtenFor(o, target, both) {
		clusters = append(clusters, cluster)
	}
	slices.Sort(clusters)
	return clusters
}

// writtenFor gives the clusters with the last time when one of their files was
// written.
func (r *Rotation) writtenFor(o Observation, target Target, both documents) map[string]time.Time {
	written, told := map[string]time.Time{}, map[string]bool{}
	for _, file := range o.Configs.Files {
		if r.refreshing == RefreshClusters {
			continue
		}
		if !carries(file.Content, target.Registry, both.after.Credential) && !carries(file.Content, target.Registry, both.before.Credential) {
			continue
		}
		entry, _ := entryOf(target.Configs, file.Place, r.configSuffixes)
		cluster := entry.Cluster
		if cluster == "" {
			cluster, _, _ = ecsconfig.Parse(file.Content).Cluster()
		}
		if !clusterName.MatchString(cluster) {
			cluster = "default"
		}
		if r.refreshing == RefreshTagged {
			last, known := o.Sent[fleet{files: []storedfile.Place{file.Place}}.comment()]
			// A tag that no instance of a cluster carries reaches none of it.
			told[cluster] = told[cluster] || !known || last.id == "" || last.targets > 0
		}
		if modified := file.Modified(); modified.After(written[cluster]) {
			written[cluster] = modified
		}
	}
	maps.DeleteFunc(written, func(cluster string, _ time.Time) bool { return told[cluster] })
	return written
}

// holders says how many container instances have been registered since before
// their ecs.config got its present content: they hold what it had before.
func (r *Rotation) holders(o Observation, target Target, both documents) (count int, clusters []string) {
	written := r.writtenFor(o, target, both)
	for _, cluster := range slices.Sorted(maps.Keys(written)) {
		older := 0
		for _, registered := range o.Registered[cluster] {
			if registered.Before(written[cluster]) {
				older++
			}
		}
		if older > 0 {
			count += older
			clusters = append(clusters, cluster)
		}
	}
	return count, clusters
}

// tagValue reports whether an EC2 tag may hold a text (EC2 user guide, "Tag
// restrictions").
func tagValue(text string) bool {
	return utf8.ValidString(text) && utf8.RuneCountInString(text) <= 256 && !strings.ContainsFunc(text, func(letter rune) bool {
		return !unicode.IsLetter(letter) && !unicode.IsNumber(letter) && !strings.ContainsRune(" +-=._:/@", letter)
	})
}

// scriptable reports whether a command may hold a text: Systems Manager reads
// double braces as the name of a parameter.
func scriptable(text string) bool { return printable(text) == text && !strings.Contains(text, "{{") }

// printable gives a text without unprintable characters.
func printable(text string) string {
	return strings.Map(func(letter rune) rune {
		if !unicode.IsPrint(letter) {
			return '?'
		}
		return letter
	}, strings.ToValidUTF8(text, "?"))
}

// refreshes have the fleets read their files again. finishSecret always does; a
// look between rotations does where a file was rendered, or where Systems
// Manager has no command for it that succeeded. It is settled when no fleet is
// known to have instances with the old credential.
func (r *Rotation) refreshes(o Observation, target Target, both documents, renders []Action, base Action) (actions []Action, findings []finding.Finding, settled bool) {
	fleets, findings := r.fleets(o, target, both)
	settled = true
	for _, fleet := range fleets {
		written := slices.ContainsFunc(renders, func(render Action) bool { return slices.Contains(fleet.files, render.File.Place) })
		if o.Step == Review && !written {
			told, ended, again := judgeSent(fleet, o.Sent[fleet.comment()], o.Now)
			findings = append(findings, told...)
			settled = settled && ended
			if !again {
				continue
			}
		}
		settled = false
		refresh := base
		refresh.Kind, refresh.Fleet, refresh.CommandID = Refresh, fleet, new(string)
		if fleet.cluster == "" {
			actions = append(actions, refresh)
			continue
		}
		known := o.Reached[fleet.cluster]
		findings = append(findings, unreached(fleet, known)...)
		for ids := range slices.Chunk(known.online, maxInstances) {
			refresh.Instances, refresh.CommandID = ids, new(string)
			actions = append(actions, refresh)
		}
	}
	return actions, findings, settled
}

// partOf says how many of all instances are meant.
func partOf(count, all int) string {
	if all == 1 {
		return "the only instance"
	}
	return fmt.Sprintf("%d of the %d instances", count, all)
}

// outcome says how a command went wrong.
func (s sent) outcome() string {
	switch {
	case s.failed == 0:
		return "hasn't ended on all instances"
	case s.targets == 1:
		return "failed on the only instance"
	default:
		return fmt.Sprintf("failed on %d of %d instances", s.failed, s.targets)
	}
}

// unreached reports the instances that cannot be told.
func unreached(instances fleet, known reach) []finding.Finding {
	switch {
	case known.missing:
		return []finding.Finding{clusterMissing.With(finding.Name("cluster", instances.cluster))}
	case len(known.silent) > 0:
		return []finding.Finding{instancesUnreachable.With(
			finding.Words("part", partOf(len(known.silent), len(known.silent)+len(known.online))),
			finding.Name("cluster", instances.cluster), finding.Names("instances", known.silent))}
	}
	return nil
}

// judgeSent says how a fleet's last commands ended, whether that was good,
// and whether they have to be sent again.
func judgeSent(group fleet, last sent, now time.Time) (told []finding.Finding, ended, again bool) {
	fleet, command := finding.Name("fleet", group.String()), finding.Name("command", last.id)
	switch {
	case now.Sub(group.written) > commandHistory:
		// Systems Manager no longer knows that command.
		return nil, true, false
	case last.id == "" || last.when.Before(group.written):
		return nil, false, true
	case last.running:
		reading := finding.Count("instances", last.targets, "instance is reading its", "instances are reading their")
		return []finding.Finding{refreshRunning.With(fleet, reading, command)}, false, false
	case !last.complete || last.failed > 0:
		return []finding.Finding{refreshFailed.With(fleet, finding.Words("outcome", last.outcome()), command, finding.Argument("id", last.id))}, false, true
	default:
		read := finding.Count("instances", last.targets, "instance has read its", "instances have read their")
		return []finding.Finding{refreshEnded.With(fleet, read, command)}, true, false
	}
}

// RefreshCommands are the lines of the shell script that has an instance read
// its file again; folder is where the agent's ecs.config lies, and declared says
// that somebody told which file it is. No secret is among them.
func RefreshCommands(files []storedfile.Place, declared bool, folder string) []string {
	set := "set --"
	for _, file := range files {
		set += " " + shellQuoted(file.String())
	}
	lines := []string{set, "folder=" + shellQuoted(folder), "declared=" + map[bool]string{true: "yes", false: "no"}[declared]}
	return append(lines, strings.Split(strings.TrimSuffix(refreshScript, "\n"), "\n")...)
}

func shellQuoted(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
