using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace BlazorAuth.Core.Data.Migrations.Sqlite
{
    /// <inheritdoc />
    public partial class ProofsAndCodes : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.AddColumn<long>(
                name: "FactorAt",
                table: "Sessions",
                type: "INTEGER",
                nullable: true);

            migrationBuilder.AddColumn<bool>(
                name: "PasskeyAfterPassword",
                table: "AspNetUsers",
                type: "INTEGER",
                nullable: false,
                defaultValue: false);

            migrationBuilder.AddColumn<int>(
                name: "WrongCodes",
                table: "AspNetUsers",
                type: "INTEGER",
                nullable: false,
                defaultValue: 0);
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropColumn(
                name: "FactorAt",
                table: "Sessions");

            migrationBuilder.DropColumn(
                name: "PasskeyAfterPassword",
                table: "AspNetUsers");

            migrationBuilder.DropColumn(
                name: "WrongCodes",
                table: "AspNetUsers");
        }
    }
}
