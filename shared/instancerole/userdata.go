package instancerole

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"slices"
	"strings"
	"unicode/utf8"

	"ecsguardrails/shared/lazyregexp"
)

const (
	// maxUserData bounds what is unpacked, in bytes: EC2 takes 16 KB, and a
	// script of more than a megabyte is none.
	maxUserData = 1 << 20
	// maxUserDataParts and maxUserDataDepth bound archives in archives.
	maxUserDataParts = 1000
	maxUserDataDepth = 4
)

// userData is what matters of an instance's user data. The text itself is kept
// nowhere: it may hold secrets.
type userData struct {
	// ecs: it speaks of the agent or its configuration.
	ecs bool
	// cluster is the one that it configures, "" where it names none.
	cluster string
	// secrets names the variables whose values are secrets.
	secrets []string
}

var (
	speaksOfECS = lazyregexp.New(`(?i)/etc/ecs/ecs\.config|\bECS_CLUSTER\b|\bECS_ENGINE_AUTH_DATA\b|Initialize-ECSAgent|(?m:^\s*\[settings\.ecs\])|\bsettings\.ecs\.cluster\b`)
	// Shell and ecs.config, PowerShell's Initialize-ECSAgent, Bottlerocket's TOML.
	namesCluster = lazyregexp.New(`\bECS_CLUSTER["']?[ \t]*[=:][ \t]*["']?([A-Za-z0-9_-]{1,255})\b|(?i:Initialize-ECSAgent\b[^\r\n]*?-Cluster[ \t:]+)["']?([A-Za-z0-9_-]{1,255})|(?m:^\s*\[settings\.ecs\][^\r\n]*\r?\n(?:(?:[^\[\r\n][^\r\n]*)?\r?\n)*?\s*cluster\s*=\s*"([A-Za-z0-9_-]{1,255})")`)

	// A value that a shell fetches when it runs ($(…), ${…}, `…`) is no secret yet.
	secretPatterns = []struct {
		variable string
		pattern  lazyregexp.Regexp
	}{
		{"ECS_ENGINE_AUTH_DATA", lazyregexp.New(`\bECS_ENGINE_AUTH_DATA["']?[ \t]*[=:,][ \t]*["'\\]*[^\s"'\\$` + "`" + `<]`)},
		{"AWS_SECRET_ACCESS_KEY", lazyregexp.New(`(?i)\baws_?secret_?(?:access_?)?key["']?[ \t]*[=:,]?[ \t]*["']?[A-Za-z0-9/+]{40}(?:[^A-Za-z0-9/+=]|$)`)},
		{"AWS_SESSION_TOKEN", lazyregexp.New(`(?i)\baws_?(?:session|security)_?token["']?[ \t]*[=:,]?[ \t]*["']?[A-Za-z0-9/+=]{80,}`)},
		{"AWS_ACCESS_KEY_ID", lazyregexp.New(`\b(?:AKIA|ASIA)[A-Z0-9]{16}\b`)},
		{"settings.container-registry.credentials", lazyregexp.New(`(?ms)^\s*\[\[settings\.container-registry\.credentials\]\].*?^\s*(?:password|auth)\s*=\s*"[^"]`)},
	}
)

// readUserData reads user data as DescribeInstanceAttribute gives it: base64
// of a script, of a MIME archive ("multi-part") of such, or of gzip around
// either (cloud-init, "User data formats"). What cannot be unpacked is read as
// it is.
func readUserData(encoded string) userData {
	raw, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(encoded), ""))
	if err != nil {
		raw = []byte(encoded)
	}
	var found userData
	unpacker := unpacker{left: maxUserData, parts: maxUserDataParts}
	unpacker.unpack(raw, maxUserDataDepth, func(text string) {
		found.ecs = found.ecs || speaksOfECS.MatchString(text)
		if match := namesCluster.FindStringSubmatch(text); match != nil && found.cluster == "" {
			found.cluster = strings.Join(match[1:], "")
		}
		for _, secret := range secretPatterns {
			if !slices.Contains(found.secrets, secret.variable) && secret.pattern.MatchString(text) {
				found.secrets = append(found.secrets, secret.variable)
			}
		}
	})
	slices.Sort(found.secrets)
	return found
}

// unpacker takes archives apart, within bounds that hold for the whole: left is
// how many bytes more it reads, parts how many texts.
type unpacker struct{ left, parts int }

func (u *unpacker) unpack(raw []byte, depth int, each func(string)) {
	if u.parts <= 0 || u.left <= 0 || depth < 0 {
		return
	}
	u.parts--
	u.left -= len(raw)
	if isGzip(raw) {
		if unzipped := u.gunzip(raw); len(unzipped) > 0 {
			u.unpack(unzipped, depth-1, each)
		}
		return
	}
	if body, boundary := archive(raw); boundary != "" {
		reader := multipart.NewReader(body, boundary)
		for {
			part, err := reader.NextRawPart()
			if err != nil {
				break
			}
			u.unpack(u.readPart(part), depth-1, each)
		}
	}
	// The archive's text as well: a broken archive must hide nothing.
	each(string(raw))
	for _, blob := range base64Blobs.FindAll(raw, maxUserDataParts) {
		// Long words of a script are base64 by chance, and of nothing readable.
		decoded, err := base64.StdEncoding.DecodeString(string(blob))
		if err == nil && (isGzip(decoded) || utf8.Valid(decoded)) {
			u.unpack(decoded, depth-1, each)
		}
	}
}

// base64Blobs finds what cloud-config's write_files ("encoding: b64", "gz+b64")
// and scripts unpack themselves.
var base64Blobs = lazyregexp.New(`[A-Za-z0-9+/]{24,}={0,2}`)

func isGzip(raw []byte) bool { return bytes.HasPrefix(raw, []byte{0x1f, 0x8b}) }

func (u *unpacker) gunzip(raw []byte) []byte {
	reader, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		return nil
	}
	// A cut or damaged archive still gives its beginning.
	unzipped, _ := io.ReadAll(io.LimitReader(reader, int64(max(u.left, 0))))
	return unzipped
}

// archive gives the body of a MIME archive and its boundary, "" where raw is none.
func archive(raw []byte) (io.Reader, string) {
	message, err := mail.ReadMessage(bytes.NewReader(bytes.TrimLeft(raw, " \t\r\n")))
	if err != nil {
		return nil, ""
	}
	kind, parameters, err := mime.ParseMediaType(message.Header.Get("Content-Type"))
	if err != nil || !strings.HasPrefix(kind, "multipart/") {
		return nil, ""
	}
	return message.Body, parameters["boundary"]
}

func (u *unpacker) readPart(part *multipart.Part) []byte {
	var body io.Reader = part
	switch strings.ToLower(strings.TrimSpace(part.Header.Get("Content-Transfer-Encoding"))) {
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, part)
	case "quoted-printable":
		body = quotedprintable.NewReader(part)
	}
	read, _ := io.ReadAll(io.LimitReader(body, int64(max(u.left, 0))))
	kind := part.Header.Get("Content-Type")
	if strings.HasPrefix(kind, "multipart/") {
		// A part that is an archive itself has its boundary in its own header.
		read = slices.Concat([]byte("Content-Type: "+kind+"\r\n\r\n"), read)
	}
	return read
}
