//! The script of a page, made shorter: for the build script, which includes this file, and for its tests.

/// Operators that need no spaces around them.
const OPERATORS: [&str; 25] = [
    "=>", "=", "===", "!==", "&&", "||", "??", "+", "-", "*", "/", "%", "<", ">", "<=", ">=", "<<", ">>>",
    "&", "|", "?", ":", "+=", "-=", "||=",
];

/// After these words a slash begins a regular expression.
const WORDS: [&str; 14] = [
    "await",
    "case",
    "delete",
    "do",
    "else",
    "in",
    "instanceof",
    "new",
    "of",
    "return",
    "throw",
    "typeof",
    "void",
    "yield",
];

/// What else is as good without its space or its semicolon: a sign beside it parts the words.
const PAIRS: [(&str, &str); 13] = [
    // The same in a script that assigns to none of them.
    ("const ", "let "),
    ("{ ", "{"),
    (" {", "{"),
    ("} ", "}"),
    (" }", "}"),
    (" (", "("),
    (") ", ")"),
    (" [", "["),
    ("] ", "]"),
    (", ", ","),
    ("; ", ";"),
    (": ", ":"),
    (";}", "}"),
];

/// A line without its comment and without spaces that only readers need. Strings, templates and regular expressions stay as
/// they are.
///
/// # Errors
///
/// Says what is wrong with a line that cannot be shortened safely: one of them does not end in it, a slash may be either, or
/// signs would be something else without the space between them, or the semicolon after a condition is all of a statement.
pub(crate) fn shortened(line: &str) -> Result<String, &'static str> {
    let mut short = String::new();
    let (mut from, mut at) = (0, 0);
    // For each parenthesis that is open, whether a condition is in it.
    let mut open = Vec::new();
    while let Some(letter) = line[at..].chars().next() {
        if line[at..].starts_with("//") {
            break;
        }
        match letter {
            '(' => open.push(begins_condition(&line[..at])),
            ')' if open.pop() == Some(true) => check_after_condition(&line[at + 1..])?,
            _ => {}
        }
        if begins_literal(line, at)? {
            short += &without_spaces(&line[from..at])?;
            from = at;
            at = end_of_literal(line, at)?;
            short += &line[from..at];
            from = at;
        } else {
            at += letter.len_utf8();
        }
    }
    short += &without_spaces(&line[from..at])?;
    Ok(short.trim_end().to_owned())
}

/// Whether the parenthesis behind this holds the condition of a statement. (The one behind a brace ends a `do`, most often.)
fn begins_condition(before: &str) -> bool {
    let before = before.trim_end();
    let word = last_word(before);
    let ahead = before[..before.len() - word.len()].trim_end();
    match word {
        "if" | "for" => !ahead.ends_with('.'),
        "while" => !ahead.ends_with(['.', '}']),
        "await" => last_word(ahead) == "for",
        _ => false,
    }
}

/// What follows a condition is a statement.
fn check_after_condition(statement: &str) -> Result<(), &'static str> {
    match statement.trim_start() {
        // Before a brace that closes, the semicolon would be lost.
        empty if empty.starts_with(';') => Err("an empty statement needs its semicolon; write {} instead"),
        // To `begins_literal` this one could divide.
        slash if slash.starts_with("/ ") => {
            Err("this regular expression looks like a division; write it with parentheses")
        }
        _ => Ok(()),
    }
}

/// The word that ends here, or nothing.
fn last_word(code: &str) -> &str {
    code.rsplit(|sign: char| !sign.is_alphanumeric() && !"_$".contains(sign)).next().unwrap_or_default()
}

fn without_spaces(code: &str) -> Result<String, &'static str> {
    if ["+ +", "- -"].iter().any(|signs| code.contains(signs)) {
        return Err("two signs need the space between them; write it with parentheses");
    }
    let short = OPERATORS
        .iter()
        .fold(code.to_owned(), |code, operator| code.replace(&format!(" {operator} "), operator));
    let short = PAIRS.iter().fold(short, |code, (long, short)| code.replace(long, short));
    if ["<!--", "-->"].iter().any(|mark| short.contains(mark)) {
        return Err("without spaces this is a comment; write it with parentheses");
    }
    Ok(short)
}

/// Adds a shortened line to those before it. Where one cannot end a statement, the next goes on with it; before a brace that
/// closes, nothing needs to end it; and after one, a word can only begin another statement. (An expression has its semicolon.)
pub(crate) fn append(script: &mut String, line: &str) {
    if line.starts_with('}') {
        script.truncate(script.trim_end_matches('\n').len());
        script.truncate(script.strip_suffix(';').unwrap_or(script).len());
    } else if script.ends_with("}\n") && line.starts_with(|first: char| first.is_alphabetic()) {
        script.pop();
    }
    match line.strip_prefix("let").filter(|rest| rest.starts_with([' ', '[', '{'])) {
        Some(rest) if ends_in_declaration(script) => {
            script.pop();
            *script += ",";
            *script += rest.trim_start();
        }
        _ => *script += line,
    }
    if !line.is_empty() && !line.ends_with(['{', ';', ',']) {
        script.push('\n');
    }
}

/// Whether the last statement declares variables, so that another one may go on with it. One with braces in it is left alone.
fn ends_in_declaration(script: &str) -> bool {
    let statement = script.strip_suffix(';').and_then(|before| before.rsplit([';', '{', '}', '\n']).next());
    statement.is_some_and(|statement| statement.starts_with("let "))
}

/// Whether a string, template or regular expression begins here in the line. After a value, a slash divides.
fn begins_literal(line: &str, at: usize) -> Result<bool, &'static str> {
    let (before, after) = line.split_at(at);
    if !after.starts_with('/') {
        return Ok(after.starts_with(['"', '\'', '`']));
    }
    let before = before.trim_end();
    match before.chars().next_back() {
        None | Some('(' | '[' | '{' | ';' | ',' | '=' | '>' | ':' | '?' | '!' | '&' | '|') => Ok(true),
        Some('+') if !before.ends_with("++") => Ok(true),
        Some(']' | '"' | '\'' | '`') => Ok(false),
        // Only a division has a space here, but for what `check_after_condition` refuses.
        Some(')') if after.starts_with("/ ") => Ok(false),
        _ => match last_word(before) {
            "" => Err("does this slash divide, or begin a regular expression? write it with parentheses"),
            word => Ok(WORDS.contains(&word)),
        },
    }
}

/// Where the string, template or regular expression that begins at `from` is over.
fn end_of_literal(line: &str, from: usize) -> Result<usize, &'static str> {
    let next = |at: usize| {
        line[at..].chars().next().ok_or("a string, template or regular expression does not end here")
    };
    let mark = next(from)?;
    let mut at = from + 1;
    let mut in_class = false;
    loop {
        let letter = next(at)?;
        at += letter.len_utf8();
        match letter {
            '\\' => at += next(at)?.len_utf8(),
            '[' | ']' if mark == '/' => in_class = letter == '[',
            '$' if mark == '`' && line[at..].starts_with('{') => at = end_of_braces(line, at)?,
            _ if letter == mark && !in_class => return Ok(at),
            _ => {}
        }
    }
}

/// Where the code of a template that begins with the brace at `from` is over.
fn end_of_braces(line: &str, from: usize) -> Result<usize, &'static str> {
    let (mut at, mut depth) = (from, 0);
    loop {
        let letter = line[at..].chars().next().ok_or("the code of a template does not end here")?;
        if begins_literal(line, at)? {
            at = end_of_literal(line, at)?;
            continue;
        }
        at += letter.len_utf8();
        match letter {
            '{' => depth += 1,
            '}' if depth == 1 => return Ok(at),
            '}' => depth -= 1,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_loses_its_spaces_and_comments() {
        for (line, short) in [
            ("const add = (a, b) => { return a + b; };", "let add=(a,b)=>{return a+b};"),
            ("if (a >= b || !c) { d ||= e ?? 1; }  // why", "if(a>=b||!c){d||=e??1}"),
            ("x = a ? b : c / d", "x=a?b:c/d"),
            ("// alone", ""),
            ("} else if (a) return [b] ?? (c);", "}else if(a)return[b]??(c);"),
            ("for (const [a] of [b]) c = a in { d };", "for(let[a]of[b])c=a in{d};"),
            ("const { a } = await (b) / 2;", "let{a}=await(b)/2;"),
            ("if ((a) / b > (c)) d(e) / f;", "if((a)/b>(c))d(e)/f;"),
            ("while (a()) b();", "while(a())b();"),
            ("for (;;) {}", "for(;;){}"),
            ("} while (a());", "}while(a());"),
            ("a = Symbol.for(b);", "a=Symbol.for(b);"),
        ] {
            assert_eq!(shortened(line).as_deref(), Ok(short), "{line}");
        }
    }

    #[test]
    fn strings_templates_and_regular_expressions_stay_as_they_are() {
        for (line, short) in [
            (r#"say("a = b { c }" + " + ");"#, r#"say("a = b { c }"+" + ");"#),
            (r#"say("the \" = \"", 'it = "', a = 1)"#, r#"say("the \" = \"",'it = "',a=1)"#),
            (r#"see("http://a  // b") + 1  // "c"#, r#"see("http://a  // b")+1"#),
            (
                "a = `b = ${c ? `d = ${{ e: \"}\" }}` : \"`\"} = f` + g",
                "a=`b = ${c ? `d = ${{ e: \"}\" }}` : \"`\"} = f`+g",
            ),
            (r"a = `\${ = ` + `\` = `", r"a=`\${ = `+`\` = `"),
            (r#"a = /b = [/"] = \/ = /.test(c) ? d : e"#, r#"a=/b = [/"] = \/ = /.test(c)?d:e"#),
            (r"all.map(one => / = /.exec(one) || a / b)", r"all.map(one=>/ = /.exec(one)||a/b)"),
            ("a = `é = é` + \"é = \"", "a=`é = é`+\"é = \""),
            ("return / = /", "return / = /"),
            ("a = typeof / - / + b[0] / 2 / c", "a=typeof / - /+b[0]/2/c"),
        ] {
            assert_eq!(shortened(line).as_deref(), Ok(short), "{line}");
        }
    }

    #[test]
    fn lines_are_joined_where_nothing_need_end_them() {
        let mut script = "<script>\n".to_owned();
        for line in ["f({", "a,", "b", "});", "", "if(c){", "d=()=>{", "e();", "}", "}", "f()", "(a)"] {
            append(&mut script, line);
        }
        assert_eq!(script, "<script>\nf({a,b});if(c){d=()=>{e()}}f()\n(a)\n");
    }

    #[test]
    fn declarations_are_one_statement() {
        let mut script = String::new();
        for line in
            ["let a=1;", "let b=()=>{", "let c=2;", "let[d]=c;", "let{e}=d;", "letter;", "};", "let f;"]
        {
            append(&mut script, line);
        }
        assert_eq!(script, "let a=1,b=()=>{let c=2,[d]=c,{e}=d;letter};let f;");
    }

    #[test]
    fn line_that_cannot_be_shortened_safely_is_refused() {
        for line in [
            "say(\"a",
            "say(`a ${b`)",
            "a = /b[/",
            "a + +b",
            "a - --b",
            "if (n < !--i) stop();",
            "while (n-- > 0) go();",
            "n = i++ / 2; // half, of it;",
            "n = a / /2/.source;",
            "n = a % /2/.source;",
            "if (a) /b = c/.test(d);",
            "const f = () => {} /b = c/;",
            "while (a(\")\"));",
            "for (;;);",
            "for await (const a of b) ;",
            "if (a) { while (b--); }",
            "if (a) / b = c/.test(d);",
            "} else if (a(b)) / b = c/.test(d);",
        ] {
            assert!(shortened(line).is_err(), "{line}");
        }
    }
}
