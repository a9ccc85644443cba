package ifupdowngen

import "nova-manage/internal/links"

func Append(b []byte, c links.Config) ([]byte, error) { panic("stub") }
