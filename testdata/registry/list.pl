#!/usr/bin/perl
# Prints all keys and values of a hive as hivex reads them: a line for each key with its path and time
# (FILETIME), a line for each value with its path, name, type and data. Paths and names are quoted as
# Python's urllib.parse.quote does it; what stands between keys is `\`.
use strict;
use warnings;
use Win::Hivex;

my $hive = Win::Hivex->open($ARGV[0]);

sub quote {
    my ($text) = @_;
    utf8::encode($text) if utf8::is_utf8($text);
    $text =~ s/([^A-Za-z0-9_.~\\-])/sprintf("%%%02X", ord($1))/ge;
    return $text;
}

sub show {
    my ($node, $path) = @_;
    print "K\t$path\t", $hive->node_timestamp($node), "\n";
    for my $value ($hive->node_values($node)) {
        my ($type, $data) = $hive->value_value($value);
        $data = "" unless defined $data;
        print "V\t$path\t", quote($hive->value_key($value)), "\t", $type & 0xffffffff, "\t", unpack("H*", $data), "\n";
    }
    for my $child ($hive->node_children($node)) {
        show($child, "$path\\" . quote($hive->node_name($child)));
    }
}
no warnings 'recursion';
show($hive->root, "");
