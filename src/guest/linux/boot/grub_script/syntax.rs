//! Statements of GRUB's script language (`grub-core/script/parser.y`).

use std::cell::Cell;
use std::rc::Rc;

use super::token::{Lexer, Token, Word};

/// Deepest nesting of blocks in one file. `grub-mkconfig` nests four deep (submenu, entry, `if`).
const MAX_NESTING: u32 = 32;

/// Most statements and parts of words of one boot loader's configuration, all its files together: a
/// hundred kernels make some 30,000. Keeps the parsed form under some 20 MiB.
pub(super) const MAX_NODES: u32 = 100_000;

/// Statements that belong together.
pub(super) type Block = Rc<[Statement]>;

/// A statement.
#[derive(Debug)]
pub(super) enum Statement {
    /// A command with its words, and the block behind them (`menuentry … { … }`).
    Command(Vec<Word>, Option<Block>),
    /// `if … then … elif … else … fi`.
    If {
        /// Conditions and what they guard.
        arms: Vec<(Block, Block)>,
        /// `else`.
        otherwise: Block,
    },
    /// `while … do … done`, `until … do … done`.
    Loop {
        /// The condition.
        condition: Block,
        /// Whether the loop ends when the condition holds.
        until: bool,
        /// What is repeated.
        body: Block,
    },
    /// `for name in words; do … done`.
    For {
        /// The variable.
        name: String,
        /// What it runs through.
        words: Vec<Word>,
        /// What is repeated.
        body: Block,
    },
    /// `function name { … }`.
    Function {
        /// Its name.
        name: String,
        /// Its body.
        body: Block,
    },
}

/// A statement that is not in the grammar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SyntaxError {
    /// Line at which it was noticed.
    pub(super) line: u32,
    /// What is wrong.
    pub(super) what: String,
    /// Whether nothing behind it can be read either.
    pub(super) fatal: bool,
}

/// Parses a file statement by statement.
pub(super) struct Parser<'a> {
    lexer: Lexer<'a>,
    peeked: Option<Option<Token>>,
    depth: u32,
    nodes: &'a Cell<u32>,
}

/// The words of one line, for text that becomes a part of a command.
pub(super) fn words(text: &str, line: u32, nodes: &Cell<u32>) -> Result<Vec<Word>, SyntaxError> {
    let mut parser = Parser::new(text, line, nodes);
    let mut words = Vec::new();
    while let Some(token) = parser.take() {
        match token {
            Token::Word(word) => {
                parser.count(word.parts.len())?;
                words.push(word);
            }
            Token::Newline => {}
            token => return Err(parser.unexpected(Some(&token))),
        }
    }
    Ok(words)
}

impl<'a> Parser<'a> {
    /// A parser of `text`, whose first line is `line`; `nodes` counts what all files hold.
    pub(super) fn new(text: &'a str, line: u32, nodes: &'a Cell<u32>) -> Self {
        Self { lexer: Lexer::new(text, line), peeked: None, depth: 0, nodes }
    }

    /// The next statement of the file; `None` at its end. After an error the rest of the line is
    /// skipped and the next statement is tried, as GRUB does when it reads a configuration.
    pub(super) fn next_statement(&mut self) -> Option<Result<Statement, SyntaxError>> {
        self.skip_newlines();
        self.peek()?;
        self.depth = 0;
        let result = self.statement().and_then(|statement| match self.take() {
            None | Some(Token::Newline | Token::Semicolon) => Ok(statement),
            Some(token) => Err(self.unexpected(Some(&token))),
        });
        if result.is_err() {
            while self.take().is_some_and(|token| token != Token::Newline) {}
        }
        Some(result)
    }

    fn peek(&mut self) -> Option<&Token> {
        self.peeked.get_or_insert_with(|| self.lexer.next()).as_ref()
    }

    fn take(&mut self) -> Option<Token> {
        match self.peeked.take() {
            Some(token) => token,
            None => self.lexer.next(),
        }
    }

    fn error(&self, what: impl Into<String>) -> SyntaxError {
        SyntaxError { line: self.lexer.line(), what: what.into(), fatal: false }
    }

    fn unexpected(&self, token: Option<&Token>) -> SyntaxError {
        match token {
            None => self.error("the text ends inside a statement"),
            Some(Token::Bad(wrong)) => self.error(*wrong),
            Some(Token::Word(word)) => self.error(format!("unexpected {:?}", word.bare())),
            Some(token) => self.error(format!("unexpected {token:?}")),
        }
    }

    fn count(&mut self, parts: usize) -> Result<(), SyntaxError> {
        let parts = u32::try_from(parts).unwrap_or(u32::MAX);
        self.nodes.set(self.nodes.get().saturating_add(parts));
        if self.nodes.get() > MAX_NODES {
            let what = format!("more than {MAX_NODES} statements and parts of words");
            return Err(SyntaxError { line: self.lexer.line(), what, fatal: true });
        }
        Ok(())
    }

    fn skip_newlines(&mut self) {
        while matches!(self.peek(), Some(Token::Newline)) {
            self.take();
        }
    }

    /// The keyword that stands next, if it is one of `keywords`.
    fn keyword(&mut self, keywords: &[&'static str]) -> Option<&'static str> {
        let Some(Token::Word(word)) = self.peek() else { return None };
        let bare = word.bare()?;
        keywords.iter().copied().find(|keyword| *keyword == bare)
    }

    fn expect(&mut self, keywords: &[&'static str]) -> Result<&'static str, SyntaxError> {
        let found = self.keyword(keywords);
        let token = self.take();
        found.ok_or_else(|| self.unexpected(token.as_ref()))
    }

    fn statement(&mut self) -> Result<Statement, SyntaxError> {
        self.count(1)?;
        self.depth = self.depth.saturating_add(1);
        if self.depth > MAX_NESTING {
            return Err(self.error(format!("blocks nested deeper than {MAX_NESTING}")));
        }
        let statement = match self.keyword(&[
            "if", "while", "until", "for", "function", "then", "elif", "else", "fi", "do", "done",
            "case", "esac", "select", "time", "in", "[[", "]]",
        ]) {
            None => self.command(),
            Some("if") => self.if_statement(),
            Some("while") => self.loop_statement(false),
            Some("until") => self.loop_statement(true),
            Some("for") => self.for_statement(),
            Some("function") => self.function(),
            Some(keyword) => {
                self.take();
                Err(self.error(format!("unexpected {keyword:?}")))
            }
        }?;
        self.depth = self.depth.saturating_sub(1);
        Ok(statement)
    }

    fn command(&mut self) -> Result<Statement, SyntaxError> {
        let mut words = Vec::new();
        let mut block = None;
        loop {
            match self.peek() {
                Some(Token::Word(word))
                    if block.is_none() && !matches!(word.bare(), Some("[[" | "]]")) =>
                {
                    if let Some(Token::Word(word)) = self.take() {
                        self.count(word.parts.len())?;
                        words.push(word);
                    }
                }
                Some(Token::LeftBrace) if !words.is_empty() && block.is_none() => {
                    self.take();
                    block = Some(self.braced(false)?);
                }
                None | Some(Token::Newline | Token::Semicolon | Token::RightBrace)
                    if !words.is_empty() =>
                {
                    return Ok(Statement::Command(words, block));
                }
                _ => {
                    let token = self.take();
                    return Err(self.unexpected(token.as_ref()));
                }
            }
        }
    }

    /// The statements up to a `}`, whose `{` was taken. The last one of a function has to end with
    /// its line or a semicolon; none may be missing altogether.
    fn braced(&mut self, function: bool) -> Result<Block, SyntaxError> {
        let mut statements = Vec::new();
        self.skip_newlines();
        loop {
            statements.push(self.statement()?);
            let end = self.take();
            match end {
                Some(Token::RightBrace) if !function => return Ok(statements.into()),
                Some(Token::Newline | Token::Semicolon) => {}
                token => return Err(self.unexpected(token.as_ref())),
            }
            self.skip_newlines();
            if matches!(self.peek(), Some(Token::RightBrace)) {
                self.take();
                return Ok(statements.into());
            }
        }
    }

    /// The statements up to one of the keywords, which is taken; at least one.
    fn until(&mut self, ends: &[&'static str]) -> Result<(Block, &'static str), SyntaxError> {
        let mut statements = Vec::new();
        self.skip_newlines();
        loop {
            statements.push(self.statement()?);
            match self.take() {
                Some(Token::Newline | Token::Semicolon) => {}
                token => return Err(self.unexpected(token.as_ref())),
            }
            self.skip_newlines();
            if let Some(end) = self.keyword(ends) {
                self.take();
                return Ok((statements.into(), end));
            }
        }
    }

    fn if_statement(&mut self) -> Result<Statement, SyntaxError> {
        self.expect(&["if"])?;
        let mut arms = Vec::new();
        loop {
            let (condition, _) = self.until(&["then"])?;
            let (body, end) = self.until(&["elif", "else", "fi"])?;
            arms.push((condition, body));
            match end {
                "elif" => {}
                "else" => {
                    let (otherwise, _) = self.until(&["fi"])?;
                    return Ok(Statement::If { arms, otherwise });
                }
                _ => return Ok(Statement::If { arms, otherwise: Rc::from([]) }),
            }
        }
    }

    fn loop_statement(&mut self, until: bool) -> Result<Statement, SyntaxError> {
        self.expect(&["while", "until"])?;
        let (condition, _) = self.until(&["do"])?;
        let (body, _) = self.until(&["done"])?;
        Ok(Statement::Loop { condition, until, body })
    }

    fn for_statement(&mut self) -> Result<Statement, SyntaxError> {
        self.expect(&["for"])?;
        let name = self.name()?;
        self.expect(&["in"])?;
        let mut words = Vec::new();
        loop {
            match self.take() {
                Some(Token::Word(word)) => {
                    self.count(word.parts.len())?;
                    words.push(word);
                }
                Some(Token::Newline | Token::Semicolon) => break,
                token => return Err(self.unexpected(token.as_ref())),
            }
        }
        self.skip_newlines();
        self.expect(&["do"])?;
        let (body, _) = self.until(&["done"])?;
        Ok(Statement::For { name, words, body })
    }

    fn function(&mut self) -> Result<Statement, SyntaxError> {
        self.expect(&["function"])?;
        if self.depth > 1 {
            return Err(self.error("a function inside of a block"));
        }
        let name = self.name()?;
        self.skip_newlines();
        match self.take() {
            Some(Token::LeftBrace) => Ok(Statement::Function { name, body: self.braced(true)? }),
            token => Err(self.unexpected(token.as_ref())),
        }
    }

    fn name(&mut self) -> Result<String, SyntaxError> {
        let token = self.take();
        match &token {
            Some(Token::Word(word)) => {
                word.bare().map(str::to_owned).ok_or_else(|| self.unexpected(token.as_ref()))
            }
            _ => Err(self.unexpected(token.as_ref())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::token::Part;
    use super::*;

    fn parse(text: &str) -> Vec<Result<Statement, SyntaxError>> {
        let nodes = Cell::new(0);
        let mut parser = Parser::new(text, 1, &nodes);
        std::iter::from_fn(|| parser.next_statement()).collect()
    }

    fn first_words(text: &str) -> Vec<Word> {
        match parse(text).into_iter().next() {
            Some(Ok(Statement::Command(words, _))) => words,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn quotes_keep_blanks_and_only_double_quotes_expand() {
        let words = first_words(r#"echo 'a "$b"' "c $d\"" e\ f ($root)'/boot' ''"#);
        assert_eq!(words.len(), 6);
        assert_eq!(words[1].parts, [Part::Quoted("a \"$b\"".into())]);
        assert_eq!(
            words[2].parts,
            [
                Part::Quoted("c ".into()),
                Part::QuotedVariable("d".into()),
                Part::Quoted("\"".into())
            ]
        );
        assert_eq!(words[4].parts[1], Part::Variable("root".into()));
        assert_eq!(words[5].parts, [Part::Quoted(String::new())]);
    }

    #[test]
    fn a_backslash_joins_lines_and_a_hash_begins_a_comment_only_before_a_word() {
        let words = first_words("echo a \\\n  b#c # d\n");
        assert_eq!(words.iter().filter_map(Word::bare).collect::<Vec<_>>(), ["echo", "a", "b#c"]);
        assert_eq!(words[2].line, 2);
    }

    #[test]
    fn a_quoted_keyword_is_a_word() {
        assert_eq!(first_words("echo if then fi").len(), 4);
        assert!(parse("fi\necho x")[0].is_err());
        assert!(parse("'fi'")[0].is_ok());
    }

    #[test]
    fn after_a_syntax_error_the_next_line_is_read() {
        let parsed = parse("set x=$ \nset y=1\n");
        assert_eq!(parsed.len(), 2);
        assert!(parsed[0].is_err() && parsed[1].is_ok());
    }

    #[test]
    fn the_grammar_takes_what_grub_script_check_takes() {
        // Each line was given to grub-script-check 2.06, with a command behind it.
        for text in [
            "menuentry x { linux /a; initrd /b }",
            "menuentry x {\nlinux /a\n\n}",
            "menuentry x { a } ",
            "menuentry x { a; } ; b",
            "menuentry x {\na;\n\n}",
            "menuentry x { if a; then b; fi }",
            "menuentry x { if a; then b; fi; }",
            "menuentry x { menuentry y { a } }",
            "function f {\ntrue\n}",
            "function f\n{\na\n}",
            "function f { a; }",
            "function f { a; };b",
            "if true; then a; elif b\nthen\nc; else d\nfi",
            "if a;\n\nthen\n\nb\n\nfi",
            "if [ a = b ]; then c; fi; d",
            "for x in 1 2 3; do echo $x; done",
            "for x in 1;\n\ndo a; done",
            "for x in; do a; done",
            "while true; do break; done",
            "until false\ndo\nbreak\ndone",
            "echo $1 $? $# $* $@ ${12}",
            "echo $1a",
            "echo \"${x}\"y",
            "echo if then fi",
            "echo a{b}",
            "[ a \"<\" b ]",
        ] {
            let parsed = parse(text);
            assert!(parsed.iter().all(Result::is_ok), "{text}: {parsed:?}");
        }
        for text in [
            "a && b",
            "a || b",
            "a | b",
            "a > b",
            "echo 5>3",
            "{ a; }",
            ";",
            "a;;b",
            "a; ; b",
            "a\n;b",
            "a }",
            "menuentry x { }",
            "menuentry x {\n}",
            "menuentry x { a; } b",
            "menuentry x\n{\na\n}",
            "menuentry x { function f { a; } }",
            "function f { a }",
            "function f {\n}",
            "function f { a; } b",
            "if ; then a; fi",
            "if a; then\nfi",
            "if a; then b; fi c",
            "if a; then b; else\nfi",
            "while a; do\ndone",
            "echo {a",
            "echo ]]",
            "[[ a ]]",
            "in",
            "echo \"$ 5\"",
            "echo ${x",
            "set x=$ ",
        ] {
            let parsed = parse(text);
            assert!(parsed.iter().any(Result::is_err), "{text}: {parsed:?}");
        }
    }

    #[test]
    fn submenus_a_thousand_deep_are_an_error_and_no_overflow() {
        let mut text = "submenu a {\n".repeat(1000);
        text.push_str(&"}\n".repeat(1000));
        text.push_str("set after=1\n");
        let parsed = parse(&text);
        assert!(parsed[0].as_ref().is_err_and(|error| error.what.contains("nested deeper")));
        assert!(parsed.last().unwrap().is_ok());
    }

    #[test]
    fn a_text_of_too_many_words_ends_as_fatal() {
        let parsed = parse(&format!("echo {}\necho b", "a ".repeat(150_000)));
        assert!(parsed[0].as_ref().is_err_and(|error| error.fatal));
    }

    #[test]
    fn unended_constructs_are_errors() {
        for text in ["if true; then", "menuentry 'a", "menuentry a {", "echo \"${x", "echo \\"] {
            assert!(parse(text).last().unwrap().is_err(), "{text}");
        }
    }
}
