package findingtest

import (
	"errors"
	"fmt"
	"go/ast"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/racetest"
)

// Hostile gives texts that others could put where a name is expected, by what is
// special about them.
func Hostile() map[string]string { return maps.Clone(hostile) }

// hostile are texts that others could put where a name is expected.
var hostile = map[string]string{
	"nothing":            "",
	"white space":        " \t ",
	"a name":             "prod/ecs.config",
	"an ARN":             "arn:aws:secretsmanager:us-east-1:123456789012:secret:prod/registry-AbCdEf",
	"a long text":        strings.Repeat("long ", 2000),
	"a long word":        strings.Repeat("x", 10_000),
	"control characters": "a\x1b[31mred\x07\r\nb",
	"lines":              "first\nsecond\u2028third",
	"reordered text":     "abc\u202egnp.exe",
	"bytes":              "a\xff\xfeb",
	"HTML":               `<script>alert("x")</script>`,
	"Markdown":           "[bill](https://evil.example) `x` **y**",
	"a mention":          "<!channel> @here",
	"a placeholder":      "{bucket} {name}",
	"a verb":             "%s %d %v",
	"quotes":             `it's "quoted"`,
	"a shell command":    "x; rm -rf / $(id) `id`",
	"other letters":      "größe-日本語-שלום",
	"an access key":      "AKIAIOSFODNN7EXAMPLE",
	"a GitHub token":     "ghp_0123456789abcdefghijABCDEFGHIJ012345",
	"a Docker Hub token": "dckr_pat_0123456789abcdefghij",
	"a JSON web token":   "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl",
	"a password's URL":   "https://user:hunter2hunter2@registry.example.com/",
	"a login":            "dXNlcjpodW50ZXIyaHVudGVyMg==",
}

// secrets must not be in any text.
var secrets = regexp.MustCompile(`AKIAIOSFODNN7EXAMPLE|0123456789abcdefghij|c2lnbmF0dXJl|hunter2|dXNlcjpodW50`)

// valuesOf are the values of every kind for one place. Templates have the same places
// again and again, so they are made once for each.
func valuesOf(place string) map[string]finding.Value {
	made.Lock()
	defer made.Unlock()
	if made.byPlace[place] == nil {
		made.byPlace[place] = everyKind(place)
	}
	return made.byPlace[place]
}

var made = struct {
	sync.Mutex
	byPlace map[string]map[string]finding.Value
}{byPlace: map[string]map[string]finding.Value{}}

func everyKind(place string) map[string]finding.Value {
	values := map[string]finding.Value{
		"no things": finding.Count(place, 0, "thing", "things"), "one thing": finding.Count(place, 1, "thing", "things"), "many things": finding.Count(place, 1_000_000, "thing", "things"),
		"no moment": finding.Moment(place, time.Time{}), "a moment": finding.Moment(place, time.Date(2026, 8, 1, 6, 0, 0, 0, time.UTC)),
		"no time": finding.Lasting(place, 0), "a time": finding.Lasting(place, 90*time.Minute), "a negative time": finding.Lasting(place, -time.Second),
		"no names": finding.Names(place, nil), "words": finding.Words(place, "validate-config"),
	}
	for name, text := range hostile {
		values["the name: "+name] = finding.Name(place, text)
		values["two names: "+name] = finding.Names(place, []string{"web", text})
		values["many names: "+name] = finding.Names(place, slices.Repeat([]string{text}, 1000))
		values["the answer: "+name] = finding.Answer(place, text)
		values["the clause: "+name] = finding.Clause(place, text)
		values["the quotation: "+name] = finding.Quote(place, text)
		values["the argument: "+name] = finding.Argument(place, text)
	}
	return values
}

// most bounds a rendered text, in bytes: a message of a few sentences with a few
// names of at most 120 bytes each.
const most = 2000

// aPlace is where a value goes, as finding.Template says.
var aPlace = regexp.MustCompile(`{([a-z]+)}`)

// Templates renders each template that the package's sources write out with every kind
// of value in each of its places, and checks the grammar of each text.
func Templates(t *testing.T, codes []finding.Code) {
	t.Helper()
	racetest.Skip(t)
	templates, err := templatesIn(os.DirFS("."))
	if err != nil {
		t.Fatal(err)
	}
	rendered := map[finding.Finding]bool{}
	for _, template := range templates {
		switch i := slices.IndexFunc(codes, func(code finding.Code) bool { return code.Code == template.Code }); {
		case i < 0:
			t.Errorf("the template %q has the code %s, which is not defined", template.Message, template.Code)
		case template.Severity.Rank() < codes[i].Severity.Rank():
			t.Errorf("%s is defined as %s, but the template %q has %s", template.Code, codes[i].Severity, template.Message, template.Severity)
		}
		for kind, values := range renderings(placesOf(template)) {
			if f := template.With(values...); !rendered[f] {
				rendered[f] = true
				checkText(t, f, kind)
			}
		}
	}
	t.Logf("%d templates, %d different texts", len(templates), len(rendered))
	loose, err := looseMessages(os.DirFS("."))
	if err != nil {
		t.Fatal(err)
	}
	for _, code := range loose {
		t.Errorf("a finding of %s has a message that no template makes", code)
	}
}

// placesOf lists a template's places, each once.
func placesOf(template finding.Template) (places []string) {
	for _, match := range aPlace.FindAllStringSubmatch(template.Message+template.Fix, -1) {
		if !slices.Contains(places, match[1]) {
			places = append(places, match[1])
		}
	}
	return places
}

// checkText checks one rendered text; kind says what is in its places.
func checkText(t *testing.T, f finding.Finding, kind string) {
	t.Helper()
	for _, fault := range HostileFaults(f) {
		t.Errorf("%s, with %s: %s\n%s\nfix: %s", f.Code, kind, fault, f.Message, f.Fix)
	}
}

// HostileFaults says what is wrong with a finding that has hostile texts in it: what
// Faults says, a text that is too long, and a secret that is shown.
func HostileFaults(f finding.Finding) []string {
	faults := Faults(f)
	if len(f.Message) > most || len(f.Fix) > most {
		faults = append(faults, fmt.Sprintf("%d bytes of message, %d of fix", len(f.Message), len(f.Fix)))
	}
	if secrets.MatchString(f.Message + f.Fix) {
		faults = append(faults, "a secret is shown")
	}
	return faults
}

// templatesIn evaluates every finding.Template that sources write out, so that none
// can be left out of the render test: literals, constants, sums of them, and the
// fields of other templates.
func templatesIn(sources fs.FS) (templates []finding.Template, err error) {
	files, constants, err := parsed(sources)
	if err != nil {
		return nil, err
	}
	written := map[string]*ast.CompositeLit{}
	for _, file := range files {
		ast.Inspect(file, func(node ast.Node) bool {
			if spec, ok := node.(*ast.ValueSpec); ok {
				for i, value := range spec.Values {
					if literal, ok := value.(*ast.CompositeLit); ok && called(literal.Type) == "Template" {
						written[spec.Names[i].Name] = literal
					}
				}
			}
			return true
		})
	}
	for _, file := range files {
		ast.Inspect(file, func(node ast.Node) bool {
			literal, ok := node.(*ast.CompositeLit)
			if !ok || called(literal.Type) != "Template" || err != nil {
				return true
			}
			var template finding.Template
			template, err = templateOf(literal, constants, written)
			templates = append(templates, template)
			return true
		})
	}
	if err == nil && len(templates) == 0 {
		err = errors.New("the sources have no finding.Template: is the test run in its package's folder?")
	}
	return templates, err
}

// templateOf evaluates one template.
func templateOf(literal *ast.CompositeLit, constants map[string]ast.Expr, written map[string]*ast.CompositeLit) (finding.Template, error) {
	var template finding.Template
	_, template.Severity = writtenOut(literal, constants)
	for key, field := range map[string]*string{"Code": &template.Code, "Message": &template.Message, "Fix": &template.Fix} {
		value := fieldOf(literal, key)
		if value == nil {
			continue
		}
		text, ok := constantText(value, constants, written)
		if !ok {
			return template, fmt.Errorf("the %s of the template %q is not a constant text", key, template.Code)
		}
		*field = text
	}
	return template, nil
}

// fieldOf gives the expression of a literal's field, nil if it isn't written.
func fieldOf(literal *ast.CompositeLit, name string) ast.Expr {
	for _, element := range literal.Elts {
		pair, ok := element.(*ast.KeyValueExpr)
		if !ok {
			continue
		}
		if key, ok := pair.Key.(*ast.Ident); ok && key.Name == name {
			return pair.Value
		}
	}
	return nil
}

// constantText evaluates an expression of constant text.
func constantText(expression ast.Expr, constants map[string]ast.Expr, written map[string]*ast.CompositeLit) (string, bool) {
	switch e := expression.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(e.Value)
		return text, err == nil
	case *ast.ParenExpr:
		return constantText(e.X, constants, written)
	case *ast.BinaryExpr:
		left, isLeft := constantText(e.X, constants, written)
		right, isRight := constantText(e.Y, constants, written)
		return left + right, isLeft && isRight && e.Op == token.ADD
	case *ast.Ident:
		value, ok := constants[e.Name]
		if !ok {
			return "", false
		}
		return constantText(value, constants, written)
	case *ast.SelectorExpr:
		variable, ok := e.X.(*ast.Ident)
		if !ok || written[variable.Name] == nil {
			return "", false
		}
		value := fieldOf(written[variable.Name], e.Sel.Name)
		return constantText(value, constants, written)
	default:
		return "", false
	}
}

// looseMessages lists the findings that sources write out with a message.
func looseMessages(sources fs.FS) (codes []string, err error) {
	files, constants, err := parsed(sources)
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		ast.Inspect(file, func(node ast.Node) bool {
			literal, ok := node.(*ast.CompositeLit)
			if !ok || called(literal.Type) != "Finding" {
				return true
			}
			for _, element := range literal.Elts {
				if pair, ok := element.(*ast.KeyValueExpr); ok {
					if key, ok := pair.Key.(*ast.Ident); ok && key.Name == "Message" {
						code, _ := writtenOut(literal, constants)
						codes = append(codes, code)
					}
				}
			}
			return true
		})
	}
	return codes, nil
}

// renderings gives, for each place and kind of value, the values of all places: this
// one's, and a plain name for the others. A template without places is rendered once.
func renderings(places []string) map[string][]finding.Value {
	if len(places) == 0 {
		return map[string][]finding.Value{"nothing": nil}
	}
	all := map[string][]finding.Value{}
	for i, place := range places {
		for kind, value := range valuesOf(place) {
			values := make([]finding.Value, len(places))
			for j, other := range places {
				values[j] = finding.Name(other, "web")
			}
			values[i] = value
			all[place+": "+kind] = values
		}
	}
	return all
}

var (
	badPunctuation = regexp.MustCompile(`  |\w \.$|[a-z] \.( [A-Z])|,\.|[^.]\.\.$|,,|""|''|\(\)| ,|\b(and|or|but|because)\.|%!|<nil>`)
	// badNumber is a number that its noun or verb doesn't fit.
	badNumber    = regexp.MustCompile(`(?i)\b0 (failed|of) |\ball 1 |\b1 (of 1 )?(more |other |of the )?(subjects|instances|files|roles|secrets|tasks|services|containers|attempts|minutes|hours|days|images|definitions|findings|registries) `)
	endOfCommand = regexp.MustCompile(`(: (aws|docker|sam|bash|git|for|printf|echo|cloud-init) [^ ].*|: terraform show -json PLAN|[}\]'"]|=[^ ]+)$`)
	// verb is in every sentence that says something: an auxiliary, or a word with the
	// ending of a verb.
	verb = regexp.MustCompile(`(?i)\b(is|are|was|were|am|be|has|have|had|does|do|did|can|could|may|might|must|will|would|should|isn't|aren't|wasn't|weren't|hasn't|haven't|doesn't|don't|didn't|can't|couldn't|won't)\b|\b\w+(s|ed)\b`)
	// asItIs begins sentences with names that are written small.
	asItIs = regexp.MustCompile(`^(ecs-init|systemd|docker run|cloud-init|settings\.ecs|["(]|\$\(|[a-z]+-[a-z-]+ (isn't|is|would|could|was) |[^ ]+( \(.+\))? (can't|runs|ran|has|shows|failed|still|is)\b|[a-z]+[A-Z_.\[])`)
	quoted = regexp.MustCompile(`"[^"]+"`)
	// writtenLine is a fix that is a line to write as it is.
	writtenLine = regexp.MustCompile(`^Write [A-Za-z_][A-Za-z0-9_]*=.*[^.]$`)
)

// Faults says what a reader would trip over in a finding's texts.
func Faults(f finding.Finding) (faults []string) {
	add := func(fault string) { faults = append(faults, fault) }
	message := strings.TrimPrefix(f.Message, "cured: ")
	first := []rune(message + " ")[0]
	switch {
	case !unicode.IsUpper(first) && !unicode.IsDigit(first) && !asItIs.MatchString(message) && (f.Variable == "" || !strings.HasPrefix(message, f.Variable)):
		add("the message doesn't begin a sentence")
	case !strings.HasSuffix(f.Message, "."):
		add("the message doesn't end a sentence")
	case !verb.MatchString(f.Message):
		add("the message has no verb")
	}
	if f.Fix == "" && f.Severity != finding.Info {
		add("there is no fix")
	}
	if f.Fix != "" && !unicode.IsUpper([]rune(f.Fix)[0]) {
		add("the fix doesn't begin a sentence")
	}
	fix := f.Fix
	if writtenLine.MatchString(fix) {
		// The value has the punctuation that it needs.
		fix = "Write NAME=VALUE"
	}
	if fix != "" && !strings.HasSuffix(fix, ".") && !endOfCommand.MatchString(fix) {
		add("the fix neither ends a sentence nor gives a command")
	}
	for _, text := range []string{f.Message, fix} {
		// What others wrote has their punctuation.
		if bad := badPunctuation.FindString(quoted.ReplaceAllString(text, "Q")); bad != "" {
			add(fmt.Sprintf("bad punctuation: %q", bad))
		}
		if bad := badNumber.FindString(text); bad != "" {
			add(fmt.Sprintf("a number without its form: %q", bad))
		}
	}
	if strings.ContainsFunc(f.Message+f.Fix, func(r rune) bool {
		return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == unicode.ReplacementChar
	}) {
		add("a control character")
	}
	return faults
}
