package ec2api

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

func TestParseCredentials(t *testing.T) {
	text := "# keys\r\n[mars]\r\naws_access_key_id = AKIDEXAMPLE\naws_secret_access_key=" + secret + "\nproject_id = mercury\n\n; one more\n[reader]\n" +
		"read_only = true\nproject_id=mercury\naws_access_key_id=READER\naws_secret_access_key=another"
	keys, err := ParseCredentials(text)
	if err != nil || !reflect.DeepEqual(keys, Keys{mars, reader}) {
		t.Fatalf("keys are %v, %v", keys, err)
	}
	if keys, err := ParseCredentials(""); err != nil || len(keys) != 0 {
		t.Errorf("empty file: %v, %v", keys, err)
	}
	written, err := FormatCredentials(keys)
	if err != nil {
		t.Fatal(err)
	}
	if back, err := ParseCredentials(written); err != nil || !reflect.DeepEqual(back, keys) {
		t.Errorf("read back %v, %v", back, err)
	}
	shown, err := json.Marshal(keys)
	if err != nil {
		t.Fatal(err)
	}
	if all := fmt.Sprintf("%v %+v %#v %s %q %x", keys, keys, keys, keys[0].Secret, keys[0].Secret, keys[0].Secret) + string(shown); strings.Contains(all, secret) ||
		strings.Contains(all, fmt.Sprintf("%x", secret)) {
		t.Errorf("the secret is shown: %s", all)
	}
}

func TestParseCredentials_errors(t *testing.T) {
	const section = "[a]\naws_access_key_id=K\naws_secret_access_key=s3cr3t\nproject_id=p\n"
	for text, line := range map[string]int{
		"aws_access_key_id=K": 1, "[a": 1, "[]": 1, "[a b]": 1, "[a]]": 1, "\n[a]\nfoo": 3, "[a]\n=x": 2, "[a]\nfoo=1": 2,
		"[a]\naws_access_key_id=": 2, "[a]\naws_access_key_id=a/b": 2, "[a]\naws_secret_access_key=s3cr3t x": 2, "[a]\nread_only=yes": 2,
		section + "project_id=q": 5, section + section: 5, section + "[b]\naws_access_key_id=K": 6, "\n[a]\naws_access_key_id=K\n[b]": 2, "[a]": 1,
		"[DEFAULT]": 1, " [a]": 1, section + "\tread_only=true": 5, "[a]\nproject_id=a\x00": 2, "[a]\nproject_id=\xff": 2, "\ufeff[a]": 1,
		"[a]\naws_access_key_id=K\naws_secret_access_key=s3cr3t": 1, "s3cr3t": 1, section + "s3cr3t": 5, section + "s3cr3t=x": 5,
	} {
		_, err := ParseCredentials(text)
		var e *CredentialsError
		if !errors.As(err, &e) || e.Line != line || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%q: %v, want line %d", text, err, line)
		}
	}
	for name, change := range map[string]func(*Key){
		"no name": func(k *Key) { k.Name = "" }, "a section": func(k *Key) { k.ProjectID = "a\n[b]" }, "blanks": func(k *Key) { k.ProjectID = " a" },
		"no secret": func(k *Key) { k.Secret = "" }, "an option": func(k *Key) { k.Secret = "a\nread_only=true" },
		"slash": func(k *Key) { k.AccessKeyID = "a/b" },
	} {
		k := mars
		change(&k)
		if text, err := FormatCredentials(Keys{k}); err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %q, %v", name, text, err)
		}
	}
}

// FuzzParseCredentials has what is read be written and read again alike.
func FuzzParseCredentials(f *testing.F) {
	f.Add("[a]\naws_access_key_id=K\naws_secret_access_key=s\nproject_id=p\nread_only=false\n")
	f.Add("[a]\naws_access_key_id=K\naws_secret_access_key==;#\nproject_id=[b]\x00\u2028\n")
	f.Fuzz(func(t *testing.T, text string) {
		keys, err := ParseCredentials(text)
		if err != nil {
			return
		}
		written, err := FormatCredentials(keys)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := ParseCredentials(written); err != nil || !reflect.DeepEqual(back, keys) {
			t.Errorf("read back %v, %v", back, err)
		}
	})
}

func TestRemoveKeys(t *testing.T) {
	const head, a, b, c = "; keys\n\n", "# of a\n[a]\naws_access_key_id=A\n# its secret\naws_secret_access_key=s\n\nproject_id=p\n",
		"[b]\r\naws_access_key_id=B\r\naws_secret_access_key=s\r\nproject_id=p\r\n", "[c]\naws_access_key_id=C\naws_secret_access_key=s\nproject_id=p\n"
	for _, tt := range []struct{ text, names, want string }{
		{head + a + "\n" + b + "\n" + c, "", head + a + "\n" + b + "\n" + c},
		{head + a + "\n" + b + "\n" + c, "b", head + a + "\n" + c},
		{head + a + "\n" + b + "\n" + c, "c", head + a + "\n" + b},
		{head + a + "\n" + b + "\n" + c, "b c", head + a},
		{head + a + "\n" + b + "\n" + c, "a", head + "# of a\n\n" + b + "\n" + c},
		{head + a + "\n" + b + "\n" + c, "a b c", head + "# of a\n"},
		{head + a + b + c, "b", head + a + c},
		{a + "\n# of b\n" + b + "# end\n", "b", a + "\n# of b\n# end\n"},
		{c + "\n\n" + b, "c", "\n" + b},
		{c + "\n" + b, "c", b},
		{strings.TrimSuffix(c, "\n"), "c", ""},
		{b + "\n" + strings.TrimSuffix(c, "\n"), "c", b},
		{c + "\n", "c", ""},
		{c, "d", c},
		{"", "d", ""},
	} {
		if got, err := RemoveKeys(tt.text, strings.Fields(tt.names)...); err != nil || got != tt.want {
			t.Errorf("%q without %s: %q, %v, want %q", tt.text, tt.names, got, err, tt.want)
		}
	}
	if _, err := RemoveKeys("[a]\n", "a"); err == nil {
		t.Error("a broken file is changed")
	}
}

func TestAppendKey(t *testing.T) {
	k := Key{"new", "ID", "s", "p", true}
	const section = "[new]\naws_access_key_id = ID\naws_secret_access_key = s\nproject_id = p\nread_only = true\n"
	const other = "# o\n[o]\naws_access_key_id=O\naws_secret_access_key=s\nproject_id=p"
	for text, want := range map[string]string{
		"": section, "# only this": "# only this\n\n" + section, "\n": "\n" + section, other: other + "\n\n" + section, other + "\n": other + "\n\n" + section,
		other + "\r\n\r\n": other + "\r\n\r\n" + section, other + "\n\n": other + "\n\n" + section,
	} {
		got, err := AppendKey(text, k)
		if err != nil || got != want {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
	for _, text := range []string{section, strings.Replace(section, "new", "x", 1), "[a]\n", "x"} { // of the same name, of the same id, broken
		if got, err := AppendKey(text, k); err == nil {
			t.Errorf("%q: %q", text, got)
		}
	}
	if _, err := AppendKey("", Key{"DEFAULT", "ID", "s", "p", false}); err == nil {
		t.Error("a section that others inherit from was made")
	}
}

// FuzzEditCredentials adds a key to any file and takes it away again, and takes away those that were there.
func FuzzEditCredentials(f *testing.F) {
	f.Add("# x\n\n[a]\naws_access_key_id=K\n;c\naws_secret_access_key=s\nproject_id=p\n\n\n[b]\r\naws_access_key_id=L\r\naws_secret_access_key=s\r\nproject_id=p\r\n")
	f.Add("[a]\naws_access_key_id=K\naws_secret_access_key=[b]\nproject_id=#\n \n\t\n")
	f.Fuzz(func(t *testing.T, text string) {
		keys, err := ParseCredentials(text)
		if err != nil {
			return
		}
		with, err := AppendKey(text, Key{"..new..", "..ID..", "s", "p", false})
		if err != nil {
			for _, k := range keys {
				if k.Name == "..new.." || k.AccessKeyID == "..ID.." {
					return
				}
			}
			t.Fatal(err)
		}
		if back, err := RemoveKeys(with, "..new.."); err != nil || strings.TrimSuffix(back, "\n") != strings.TrimSuffix(text, "\n") && strings.TrimSpace(back) != strings.TrimSpace(text) {
			t.Errorf("%q, %v after %q", back, err, with)
		}
		for i, k := range keys {
			less, err := RemoveKeys(with, k.Name)
			if err != nil {
				t.Fatal(err)
			}
			left, err := ParseCredentials(less)
			if err != nil || len(left) != len(keys) || i < len(left) && left[i] == k {
				t.Errorf("%v, %v", left, err)
			}
		}
	})
}
