package twins

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"
)

// Command is the one form in which a change from outside reaches a twin: a
// scenario's events, a fork's changes, the API. Commands of a step are applied
// before its offers, in the order of Seq.
type Command struct {
	Step   Tick
	Seq    int64
	Target string // path of the member, or of the community
	Type   *CommandType
	Body   string // what is commanded, in the canonical bytes of the type

	// Key and By only accompany the command: they change no twin and no digest.
	Key string // the Idempotency-Key of the request; "" is none
	By  Account
}

// Account is the number of the account that sent a command; 0 is none, as for a
// scenario's event. The number alone identifies no person: the owner of an account
// is kept elsewhere, and can be erased there.
type Account int64

// CommandType names a kind of command; imperative. The name is on disk for ever.
type CommandType struct {
	Name string
	// Check says why a body is refused; nil: every body is valid. A twin whose kind
	// lists the type must accept each body that passes, in any state: a refusal in
	// mid-run would end the run.
	Check func(body string) error

	ofSetting bool // the body holds a setting and a value
}

// CommandSet sets a setting to a value, CommandMultiply multiplies it by a factor.
// Every kind with settings accepts them.
var (
	CommandSet      = DeclareCommand(CommandType{Name: "set", Check: checkSetting, ofSetting: true})
	CommandMultiply = DeclareCommand(CommandType{Name: "multiply", Check: checkSetting, ofSetting: true})
)

var commandTypes []*CommandType

// DeclareCommand adds a type of command to the registry, where it is defined. It panics
// if the name is taken.
func DeclareCommand(t CommandType) *CommandType {
	if CommandNamed(t.Name) != nil {
		panic("twins: command declared twice: " + t.Name)
	}
	commandTypes = append(commandTypes, &t)
	return &t
}

// CommandNamed returns the type with a name, or nil: for commands that are read
// from disk.
func CommandNamed(name string) *CommandType {
	for _, t := range commandTypes {
		if t.Name == name {
			return t
		}
	}
	return nil
}

// OfSetting reports whether the body of the type holds a setting and a value or a
// factor: set or multiply.
func (t *CommandType) OfSetting() bool { return t != nil && t.ofSetting }

// String is the type's name, "" for nil.
func (t *CommandType) String() string {
	if t == nil {
		return ""
	}
	return t.Name
}

// Takes reports whether the kind's twins accept commands of a type.
func (k *Kind) Takes(t *CommandType) bool {
	return t.OfSetting() && len(k.Settings) > 0 || slices.Contains(k.Commands, t)
}

// CommandNames are the names of the commands that the kind's twins accept.
func (k *Kind) CommandNames() (names []string) {
	for _, t := range commandTypes {
		if k.Takes(t) {
			names = append(names, t.Name)
		}
	}
	return names
}

// Set is the command that sets a setting of a twin to a value in the setting's own
// unit: mW, mJ, ppb, 0 or 1.
func Set(target, setting string, value int64) Command {
	return Command{Target: target, Type: CommandSet, Body: settingBody(setting, value)}
}

// Multiply is the command that multiplies a setting by a factor in ppb.
func Multiply(target, setting string, factor int64) Command {
	return Command{Target: target, Type: CommandMultiply, Body: settingBody(setting, factor)}
}

// At is the command numbered seq in a step.
func (c Command) At(step Tick, seq int64) Command {
	c.Step, c.Seq = step, seq
	return c
}

// settingBody is the body of set and multiply: the length of the setting's name as
// uint32, the name, the value as int64, little-endian.
func settingBody(setting string, value int64) string {
	b := make([]byte, 0, 4+len(setting)+8)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(setting)))
	b = append(b, setting...)
	return string(binary.LittleEndian.AppendUint64(b, uint64(value)))
}

// checkSetting refuses a body that settingBody cannot have made.
func checkSetting(body string) error {
	if len(body) < 12 || uint64(littleEndian(body[:4])) != uint64(len(body)-12) {
		return errors.New("its body is no setting and value")
	}
	return nil
}

// littleEndian is the integer in up to 8 bytes.
func littleEndian(s string) (v int64) {
	for i := len(s) - 1; i >= 0; i-- {
		v = v<<8 | int64(s[i])
	}
	return v
}

// Setting is the name of the setting that a command sets or multiplies; "" for a
// command of another type.
func (c *Command) Setting() string {
	if !c.Type.OfSetting() || checkSetting(c.Body) != nil {
		return ""
	}
	return c.Body[4 : len(c.Body)-8]
}

// Value is the new value of the setting, or the factor in ppb; 0 for a command of
// another type.
func (c *Command) Value() int64 {
	if !c.Type.OfSetting() || checkSetting(c.Body) != nil {
		return 0
	}
	return littleEndian(c.Body[len(c.Body)-8:])
}

// After returns the value of the setting after the command, from its value before.
func (c *Command) After(was int64) int64 {
	if c.Type == CommandMultiply {
		was, _ = MulDiv(was, c.Value(), int64(One))
		return was
	}
	return c.Value()
}

// Same reports whether two commands do the same, regardless of their senders.
func (c *Command) Same(d *Command) bool {
	return c.Step == d.Step && c.Seq == d.Seq && c.SameOrder(d)
}

// SameOrder reports whether two commands ask the same of the same twin, in any step.
func (c *Command) SameOrder(d *Command) bool {
	return c.Target == d.Target && c.Type == d.Type && c.Body == d.Body
}

func (c *Command) String() string {
	if c == nil {
		return "none"
	}
	if c.Type.OfSetting() {
		return fmt.Sprintf("%d at step %d: %s %s %s %d", c.Seq, c.Step, c.Target, c.Type.Name, c.Setting(), c.Value())
	}
	return fmt.Sprintf("%d at step %d: %s %s %x", c.Seq, c.Step, c.Target, c.Type, c.Body)
}

// commandsFor are the commands for one target. sorted is in the order of targets.
func commandsFor(sorted []Command, target string) []Command {
	from := commandsFrom(sorted, target)
	to := from
	for to < len(sorted) && sorted[to].Target == target {
		to++
	}
	return sorted[from:to:to]
}

// commandsInside are the commands for all targets with a prefix.
func commandsInside(sorted []Command, prefix string) []Command {
	from := commandsFrom(sorted, prefix)
	n := sort.Search(len(sorted)-from, func(i int) bool { return !strings.HasPrefix(sorted[from+i].Target, prefix) })
	return sorted[from : from+n : from+n]
}

// commandsFrom is the index of the first command whose target is not before this
// one.
func commandsFrom(sorted []Command, target string) int {
	return sort.Search(len(sorted), func(i int) bool { return sorted[i].Target >= target })
}
